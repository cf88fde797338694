"""A hostile crowd, hostile keepers and a hostile price: whatever they do, in whatever order.

Each rule is one external function, with parameters honest and not; `strike` moves a mark to where
one account is in the trouble asked for, so that every layer of the waterfall is reached.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from hypothesis import currently_in_test_context, note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from spillway import sharing, ticks
from spillway.model import margin
from tests.bench import ALO, DEFICIT, FEES, GTC, IOC, MARKET, MAX_UINT, UNITS, USD
from tests.invariant import keeping
from tests.invariant.arena import DAY, MARKETS, MAX_AGE, NOTICE, TIERS, Arena

if TYPE_CHECKING:
    from spillway.engines import Address, Contract, Receipt

PPM = 10**6
HIGHEST = 10**24
MOST_ACCOUNTS = 16
SAFE_LEVERAGE = (19, 4, 19)  # at the sizes that the machine opens

MARKET_IDS = st.integers(0, len(MARKETS) - 1)
PLACES = st.integers(0, 40)  # picks one of a list, whatever its length
SIDES = st.booleans()
AMOUNTS = st.sampled_from([1, 10, 50, 200, 1_000, 5_000, 30_000])  # USD
NOTIONALS = st.sampled_from([5, 20, 300, 1_000, 3_000, 8_000, 20_000])  # USD
OFFSETS = st.sampled_from([-300_000, -80_000, -10_000, -500, 0, 500, 10_000, 80_000, 300_000])
MOVES = st.sampled_from([-600_000, -150_000, -40_000, -5_000, 0, 5_000, 40_000, 150_000, 900_000])
WINS = st.sampled_from([40_000, 150_000, 300_000])
FUNDING = st.sampled_from([-30_000, -100, 0, 0, 0, 100, 30_000])  # ppm of mark
# Equity, ppm of maintenance, to aim at: healthy, book, takeover, just below zero, a gap.
AIMS = st.sampled_from([1_500_000, 900_000, 800_000, 500_000, 300_000, -1, -300_000, -2_000_000])
DEEP = st.sampled_from([-1, -300_000, -3_000_000, -9_000_000])
WILD = st.sampled_from([0, 1, 2, 5, 9, 10**6, MAX_UINT])
PARTS = st.sampled_from([40, 50, 50, 75, 90, 100, 120])  # percent of what stands
LIMITS = st.sampled_from([0, 300, 8_000, 10**6])  # USD
COUNTS = st.sampled_from([0, 1, 2, 3, MAX_UINT])
TRESPASSES = 22  # calls that `trespass` tries


def insured(machine: VenueMachine) -> bool:
    """Whether the venue has an insurance fund."""
    return machine.arena.insurance is not None


class VenueMachine(RuleBasedStateMachine):
    """The venue from its opening to a crash and back, judged after every transaction by `Arena`."""

    def __init__(self, arena: Arena) -> None:
        super().__init__()
        self.arena = arena
        self._broken = False
        self._owners = dict(arena.owners)
        self._token = arena.engine.snapshot()
        arena.reset(self._owners)

    def teardown(self) -> None:
        """Bring the venue back to where nobody is below zero, then put the chain back."""
        try:
            if not self._broken:
                keeping.settle(self.arena)
        finally:
            self.arena.engine.revert(self._token)
            self.arena.owners = self._owners

    def act(self, contract: Contract, function: str, *args: Any, sender: Address) -> Receipt:
        """Let somebody do something."""
        receipt: Receipt = self._guarded(self.arena.act, contract, function, *args, sender=sender)
        return receipt

    def _guarded(self, do: Any, *args: Any, **options: Any) -> Any:
        try:
            return do(*args, **options)
        except BaseException:
            self._broken = True
            raise

    # --- who and what ----------------------------------------------------------------------

    def account(self, place: int) -> int:
        accounts = self.arena.accounts
        return accounts[place % len(accounts)]

    def anyone(self, place: int) -> int:
        """Any account that there is, and some that there are not."""
        known = [*self.arena.now.accounts, 0, 999]
        return known[place % len(known)]

    def owner(self, account: int) -> Address:
        return self.arena.owners[account]

    def mark(self, market: int) -> int:
        return self.arena.now.markets[market].mark

    def lots(self, market: int, usd: int) -> int:
        return max(1, usd * USD // self.mark(market))

    def price(self, market: int, offset: int, *, up: bool) -> int:
        """A legal price at some distance from mark, quote per lot."""
        decimals = MARKETS[market][1]
        scale = Decimal(10) ** decimals / USD
        wanted = Decimal(self.mark(market) * (PPM + offset) // PPM) * scale
        legal = (ticks.at_or_above if up else ticks.at_or_below)(wanted, decimals)
        return int(legal / scale)

    def holder(self, place: int) -> tuple[int, int, bool]:
        """An account with a position, its market, and whether to buy is to close it."""
        found = [(n, market) for n in self.arena.accounts for market in self.legs(n)]
        account, market = found[place % len(found)] if found else (self.account(place), 0)
        return account, market, self.arena.size(account, market) < 0

    def order_of(self, place: int, *, stop: bool = False) -> int:
        """A live order of anyone, a stop if one is wanted and there; or none that there is."""
        book = self.arena.book.call
        orders = [order for n in self.arena.accounts for order in book.orders_of(n)]
        wanted = [order for order in orders if book.order(order).stop] if stop else orders
        wanted = wanted or orders or [0]
        order: int = wanted[place % len(wanted)]
        return order

    # --- opening ---------------------------------------------------------------------------

    @initialize(
        trades=st.lists(
            st.tuples(PLACES, PLACES, MARKET_IDS, st.sampled_from([40, 90, 97])),
            min_size=6,
            max_size=12,
        ),
        troubles=st.lists(
            st.tuples(PLACES, PLACES, AIMS, SIDES, st.sampled_from(["quoted", "ruin", "keep"])),
            max_size=3,
        ),
    )
    def open_positions(
        self,
        trades: list[tuple[int, int, int, int]],
        troubles: list[tuple[int, int, int, bool, str]],
    ) -> None:
        """Trade, each time for a percentage of what the poorer side can afford; then crash."""
        for place, other, market, percent in trades:
            buyer, seller = self.account(place), self.account(other)
            free = min(self.free(buyer), self.free(seller)) * SAFE_LEVERAGE[market]
            self.trade(buyer, seller, market, max(free * percent // 100 // USD, 10), 0)
        for who, place, aim, twice, kind in troubles:
            if kind == "ruin":
                self.ruin(who, place, min(aim, -1) * 10, twice)
            else:
                self.strike(who, place, aim, twice, kind)

    def free(self, account: int) -> int:
        """Equity beyond initial margin."""
        health = self.arena.pool.call.health(account)
        return int(health.equity) - int(health.initial)

    # --- trading ---------------------------------------------------------------------------

    @rule(buyer=PLACES, seller=PLACES, market=MARKET_IDS, usd=NOTIONALS, offset=OFFSETS)
    def trade_both(self, buyer: int, seller: int, market: int, usd: int, offset: int) -> None:
        self.trade(self.account(buyer), self.account(seller), market, usd, offset)

    def trade(self, buyer: int, seller: int, market: int, usd: int, offset: int) -> None:
        """One account shows an ask, another takes it."""
        lots, price = self.lots(market, usd), self.price(market, offset, up=True)
        self.place_order(seller, market, (False, price, lots, ALO, False))
        self.place_order(buyer, market, (True, price, lots, IOC, False))

    def place_order(self, account: int, market: int, order: tuple[Any, ...]) -> None:
        self.act(self.arena.book, "place", account, market, order, sender=self.owner(account))

    @rule(
        who=PLACES,
        market=MARKET_IDS,
        bids=SIDES,
        usd=NOTIONALS,
        offset=OFFSETS,
        kind=st.sampled_from([GTC, GTC, IOC, ALO, ALO, MARKET, 4]),
        reduce_only=st.sampled_from([False, False, True]),
    )
    def place(
        self,
        *,
        who: int,
        market: int,
        bids: bool,
        usd: int,
        offset: int,
        kind: int,
        reduce_only: bool,
    ) -> None:
        account = self.account(who)
        if reduce_only and self.legs(account):
            account, market, bids = self.holder(who)
        price = 0 if kind == MARKET else self.price(market, offset, up=not bids)
        order = (bids, price, self.lots(market, usd), kind, reduce_only)
        self.place_order(account, market, order)

    @rule(
        who=PLACES,
        market=MARKET_IDS,
        usd=NOTIONALS,
        offsets=st.lists(st.tuples(SIDES, OFFSETS), max_size=6),
        reduce_only=st.sampled_from([False, False, True]),
    )
    def requote(
        self, who: int, market: int, usd: int, offsets: list[tuple[bool, int]], reduce_only: bool
    ) -> None:
        account, lots = self.account(who), self.lots(market, usd)
        orders = [
            (bids, self.price(market, offset, up=not bids), lots, ALO, reduce_only)
            for bids, offset in offsets
        ]
        cancels = list(self.arena.book.call.orders_of(account))
        told = (account, market, cancels, orders)
        self.act(self.arena.book, "requote", *told, sender=self.owner(account))

    @rule(market=MARKET_IDS, usd=NOTIONALS)
    def quote(self, market: int, usd: int) -> None:
        """The one with the deep pocket makes a market."""
        maker = max(self.arena.accounts, key=self.arena.now.equity)
        lots = self.lots(market, usd)
        orders = [
            (bids, self.price(market, -offset if bids else offset, up=not bids), lots, ALO, False)
            for bids in (True, False)
            for offset in (2_000, 20_000)
        ]
        cancels = list(self.arena.book.call.orders_of(maker))
        told = (maker, market, cancels, orders)
        self.act(self.arena.book, "requote", *told, sender=self.owner(maker))

    @rule(place=PLACES, own=st.sampled_from([True, True, False]))
    def cancel(self, place: int, own: bool) -> None:
        order = self.order_of(place)
        account = self.arena.book.call.order(order).account
        sender = self.owner(account) if own and account else self.arena.outsider
        self.act(self.arena.book, "cancel", order, sender=sender)

    @rule(who=PLACES, above=SIDES, offset=OFFSETS, usd=NOTIONALS, limited=SIDES, fire=SIDES)
    def place_stop(
        self, *, who: int, above: bool, offset: int, usd: int, limited: bool, fire: bool
    ) -> None:
        account, market, bids = self.holder(who)
        level = self.price(market, offset, up=above)
        stop = (bids, above, level, level if limited else 0, self.lots(market, usd))
        sender = self.owner(account)
        self.act(self.arena.book, "place_stop", account, market, stop, sender=sender)
        if fire:
            self.advance({market: level})
            self.trigger(who)

    @rule(place=PLACES)
    def trigger(self, place: int) -> None:
        order = self.order_of(place, stop=True)
        self.act(self.arena.book, "trigger", order, sender=self.arena.outsider)

    @rule(place=PLACES, stop=SIDES, gone=SIDES)
    def prune(self, place: int, stop: bool, gone: bool) -> None:
        if gone:
            self.place_stop(
                who=place, above=False, offset=-80_000, usd=20, limited=False, fire=False
            )
            account, market, _ = self.holder(place)
            self.close_at_mark(account, market)
        for order in self.stops_of(account) if gone else [self.order_of(place, stop=stop)]:
            self.act(self.arena.book, "prune", order, sender=self.arena.outsider)

    def stops_of(self, account: int) -> list[int]:
        """The stops of an account."""
        book = self.arena.book.call
        return [order for order in book.orders_of(account) if book.order(order).stop]

    def close_at_mark(self, account: int, market: int) -> None:
        """Have the one with the deep pocket take over what an account has in a market."""
        pocket = max(self.arena.accounts, key=self.arena.now.equity)
        price = self.price(market, 0, up=True)
        size = self.arena.size(account, market)
        if size and account != pocket:
            self.place_order(pocket, market, (size > 0, price, abs(size), ALO, False))
            self.place_order(account, market, (size < 0, price, abs(size), IOC, True))

    # --- accounts and cash -----------------------------------------------------------------

    @rule(who=PLACES, isolated=SIDES, market=st.integers(0, len(MARKETS)), usd=AMOUNTS)
    def open_account(self, who: int, isolated: bool, market: int, usd: int) -> None:
        arena = self.arena
        if len(arena.accounts) >= MOST_ACCOUNTS:
            return
        owner = self.owner(self.account(who))
        opening = ("open_isolated_account", market) if isolated else ("open_account",)
        receipt = self.act(arena.pool, *opening, sender=owner)
        for opened in receipt.named("AccountOpened"):
            arena.owners[opened.account] = owner
            self.pay_in(opened.account, usd)

    @rule(who=PLACES, usd=AMOUNTS)
    def deposit(self, who: int, usd: int) -> None:
        self.pay_in(self.account(who), usd)

    def pay_in(self, account: int, usd: int) -> None:
        arena, owner = self.arena, self.owner(account)
        arena.fund(owner, arena.custody, usd * UNITS)
        self.act(arena.custody, "deposit", account, usd * UNITS, sender=owner)

    @rule(who=PLACES, other=PLACES, usd=AMOUNTS, own=st.sampled_from([True, True, False]))
    def transfer(self, who: int, other: int, usd: int, own: bool) -> None:
        source = self.account(who)
        owner = self.owner(source)
        mine = [n for n, of in self.arena.owners.items() if (of == owner) == own]
        target = mine[other % len(mine)]
        self.act(self.arena.pool, "transfer", source, target, usd * USD, sender=owner)

    @rule(who=PLACES, market=MARKET_IDS, leverage=st.sampled_from([0, 1, 2, 5, 10, 20, 40, 99]))
    def set_leverage(self, who: int, market: int, leverage: int) -> None:
        account = self.account(who)
        told = (account, market, leverage)
        self.act(self.arena.pool, "set_leverage", *told, sender=self.owner(account))

    @rule(who=PLACES, usd=AMOUNTS, everything=SIDES, wait=SIDES, own=SIDES)
    def withdraw(self, who: int, usd: int, everything: bool, wait: bool, own: bool) -> None:
        """Ask, and have it paid: too early, or in a later epoch."""
        arena, account = self.arena, self.account(who)
        owner = self.owner(account)
        units = max(arena.now.quote(account), 0) * UNITS // USD if everything else usd * UNITS
        told = (account, units, owner)
        self.act(arena.custody, "request_withdrawal", *told, sender=owner)
        if wait:
            self.advance({market: self.mark(market) for market in range(len(MARKETS))})
        sender = owner if own else arena.keeper
        self.act(arena.custody, "withdraw", account, sender=sender)

    @rule(usd=AMOUNTS, by_fees=SIDES, who=PLACES, ruin=SIDES)
    def cover_deficit(self, usd: int, by_fees: bool, who: int, ruin: bool) -> None:
        """Give towards a deficit, which there may have to be first; fees come of later trades."""
        arena = self.arena
        if ruin:
            self.ruin(who, who, -30_000_000, twice=False)
            self.trade(self.account(who), self.account(who + 1), 0, 300, 0)
        if by_fees:
            self.act(arena.liquidator, "cover_deficit_from_fees", sender=arena.outsider)
            return
        arena.fund(arena.outsider, arena.custody, usd * UNITS)
        self.act(arena.custody, "cover_deficit", usd * UNITS, sender=arena.outsider)

    # --- vault -----------------------------------------------------------------------------

    @rule(who=st.integers(0, 1), usd=AMOUNTS, invest=SIDES)
    def vault_deposit(self, who: int, usd: int, invest: bool) -> None:
        """Deposit, and have the child given its share."""
        arena = self.arena
        depositor = arena.depositors[who]
        arena.fund(depositor, arena.vault, usd * UNITS)
        self.act(arena.vault, "deposit", usd * UNITS, sender=depositor)
        if invest:
            self.wait(DAY, refresh=True)
            self.act(arena.vault, "top_up", sender=arena.keeper)

    @rule(who=st.integers(0, 1), part=st.sampled_from([1, 2, 5]), later=SIDES, pay=SIDES)
    def vault_request(self, who: int, part: int, later: bool, pay: bool) -> None:
        arena = self.arena
        depositor = arena.depositors[who]
        if later:
            self.wait(5 * DAY, refresh=True)
        shares = arena.vault.call.balance_of(depositor) // part
        self.act(arena.vault, "request_redemption", shares, sender=depositor)
        if pay:
            self.wait(31, refresh=True)
            # What is redeemed is no longer at risk, so that a flat child has more than its share.
            told = {"settle": (64,), "claim": (depositor,)}
            for chore in ("collect", "settle", "claim", "skim"):
                self.act(arena.vault, chore, *told.get(chore, ()), sender=arena.keeper)

    @rule(
        what=st.lists(
            st.sampled_from(["collect", "settle", "claim", "top_up", "skim", "open_accounts"]),
            min_size=1,
            max_size=4,
        ),
        who=st.integers(0, 1),
        count=COUNTS,
    )
    def vault_chore(self, what: list[str], who: int, count: int) -> None:
        arena = self.arena
        told = {"settle": (count,), "claim": (arena.depositors[who],)}
        for chore in what:
            self.act(arena.vault, chore, *told.get(chore, ()), sender=arena.outsider)

    @rule(market=MARKET_IDS, any_market=SIDES)
    def vault_shed(self, market: int, any_market: bool) -> None:
        held = self.legs(self.arena.child)
        if held and not any_market:
            market = held[market % len(held)]
        self.act(self.arena.vault, "shed", market, sender=self.arena.outsider)

    # --- levers ----------------------------------------------------------------------------

    @rule(
        what=st.sampled_from(["maintenance", "maintenance", "cap", "policy"]),
        market=MARKET_IDS,
        parts=st.lists(PARTS, min_size=1, max_size=5),
        force=SIDES,
    )
    def pull(self, what: str, market: int, parts: list[int], force: bool) -> None:
        """One lever, as it may be pulled or not."""
        if what == "maintenance":
            self.maintenance(market, parts, force=force)
        elif what == "cap":
            self.lower_cap(market, parts[0])
        else:
            self.switch_policy(market, force=force)

    def maintenance(self, market: int, parts: list[int], *, force: bool) -> None:
        """Announce lower leverages, or such as may not be; put them in force, too early or not."""
        arena = self.arena
        tiers = arena.now.markets[market].tiers
        told = [
            max(-(-tier.max_leverage * part // 100), 1)
            for tier, part in zip(tiers, parts * len(tiers), strict=False)
        ]
        told += [0] * (TIERS - len(told))
        self.act(arena.levers, "announce_maintenance", market, told, sender=arena.admin)
        if force:
            self.wait(NOTICE, refresh=True)
        self.act(arena.levers, "raise_maintenance", market, sender=arena.outsider)

    def lower_cap(self, market: int, part: int) -> None:
        """Near what is open, or of what the cap was."""
        arena, seen = self.arena, self.arena.now.markets[market]
        cap = seen.open_interest * part // 60 if part > 60 else seen.open_interest_cap * part // 60
        self.act(arena.levers, "lower_cap", market, cap, sender=arena.admin)

    def switch_policy(self, place: int, *, force: bool) -> None:
        """Another policy, or one that there is not."""
        arena = self.arena
        self.act(arena.levers, "announce_policy", place, sender=arena.admin)
        if force:
            self.wait(NOTICE, refresh=True)
        self.act(arena.levers, "switch_policy", sender=arena.outsider)

    # --- insurance fund --------------------------------------------------------------------

    @precondition(insured)
    @rule(
        what=st.sampled_from(["open", "give", "touch", "shed", "shed", "shed"]),
        market=MARKET_IDS,
        usd=AMOUNTS,
    )
    def fund_chore(self, what: str, market: int, usd: int) -> None:
        """Anyone gives to the fund, or has it do what it does for anyone."""
        arena, fund = self.arena, self.arena.insurance
        assert fund is not None
        held = self.legs(arena.funds[0])
        if what == "shed" and held:
            market = held[market % len(held)]
        arena.fund(arena.outsider, fund, usd * UNITS)
        told = (market, usd * UNITS) if what == "give" else (market,)
        self.act(fund, what, *told, sender=arena.outsider)

    @precondition(insured)
    @rule(market=MARKET_IDS, usd=AMOUNTS)
    def spend(self, market: int, usd: int) -> None:
        """An outsider tells the fund that it has paid."""
        fund = self.arena.insurance
        assert fund is not None
        receipt = self.act(fund, "spent", market, usd * USD, sender=self.arena.outsider)
        self._guarded(_refused, receipt, "spent")

    @precondition(insured)
    @rule(who=PLACES)
    def share_fees(self, who: int) -> None:
        self.trade(self.account(who), self.account(who + 1), 0, 300, 0)
        self.act(self.arena.liquidator, "share_fees", sender=self.arena.outsider)

    # --- prices and time -------------------------------------------------------------------

    def advance(self, marks: dict[int, int], funding: int = 0) -> None:
        """Open an epoch; funding in ppm of mark."""
        updates = []
        for market, wanted in marks.items():
            mark = min(max(wanted, USD // 1_000), HIGHEST)
            updates.append((market, mark, mark, mark * funding // PPM))
        self._guarded(
            self.arena.must, self.arena.pool, "advance", updates, sender=self.arena.oracle
        )

    @rule(moves=st.lists(MOVES, min_size=1, max_size=len(MARKETS)), funding=FUNDING)
    def move(self, moves: list[int], funding: int) -> None:
        """Some marks move, small or far; the markets left out grow older."""
        marks = {m: self.mark(m) * (PPM + move) // PPM for m, move in enumerate(moves)}
        self.advance(marks, funding)

    @rule(seconds=st.sampled_from([31, MAX_AGE // 2, MAX_AGE + 1, 8 * DAY]), refresh=SIDES)
    def wait(self, seconds: int, refresh: bool) -> None:
        engine = self.arena.engine
        engine.send_block([], engine.head.timestamp + seconds)
        if refresh:
            self.advance({market: self.mark(market) for market in range(len(MARKETS))})

    @rule(
        who=PLACES,
        place=PLACES,
        aim=AIMS,
        twice=SIDES,
        then=st.sampled_from(["nothing", "quoted", "liquidate", "deleverage", "keep"]),
    )
    def strike(self, who: int, place: int, aim: int, twice: bool, then: str) -> None:
        """Trouble for somebody; keepers act, or don't."""
        struck = self.aim(who, place, aim, twice=twice)
        if struck is None or then == "nothing":
            return
        if then == "quoted":
            self.quote(struck[1], 20_000)
        if then == "deleverage":
            self.empty_books()
        else:
            self._guarded(
                keeping.liquidate, self.arena, [*self.arena.accounts, *self.arena.backstops]
            )
        if then != "liquidate":
            self._guarded(keeping.deleverage, self.arena)

    @rule(who=PLACES, place=PLACES, aim=DEEP, twice=SIDES)
    def ruin(self, who: int, place: int, aim: int, twice: bool) -> None:
        """Somebody is far below zero, and those who won from it have left before anyone acts."""
        struck = self.aim(who, place, aim, twice=twice)
        if struck is None:
            return
        account, market = struck
        self.leave(market, longs=self.arena.size(account, market) < 0)
        self._guarded(keeping.keep, self.arena)

    @rule(who=PLACES, place=PLACES, aim=DEEP, twice=SIDES, steps=st.lists(COUNTS, max_size=4))
    def page(self, who: int, place: int, aim: int, twice: bool, steps: list[int]) -> None:
        """Somebody below zero is closed step by step, as far as the steps go."""
        arena = self.arena
        struck = self.aim(who, place, aim, twice=twice)
        if struck is None:
            return
        account, _ = struck
        self.empty_books()
        if arena.venue.index:
            self.act(arena.adl, "close", account, sender=arena.keeper)
            return
        legs = self.legs(account)
        if arena.venue.profit:
            self.act(arena.adl, "close", [account], 0, sender=arena.keeper)
            legs = []
        for leg in legs:
            asked = leg if arena.venue.quota else (leg, 0)
            self.act(arena.adl, "open_jobs", account, [asked], sender=arena.keeper)
        for fills in steps:
            self.work(who, fills)

    def empty_books(self) -> None:
        """Have the orders of those below zero removed."""
        ordinary = {*self.arena.owners, self.arena.pooled}
        due = [n for n in self.arena.below_zero() if n in ordinary]
        self._guarded(keeping.liquidate, self.arena, due)

    def aim(self, who: int, place: int, aim: int, *, twice: bool) -> tuple[int, int] | None:
        """Move one mark to where one account's equity is `aim` of its maintenance; tell which."""
        holders = [n for n in (*self.arena.accounts, *self.arena.backstops) if self.legs(n)]
        if not holders:
            return None
        account = holders[who % len(holders)]
        legs = self.legs(account)
        market = legs[place % len(legs)]
        mark = self.target(account, market, aim)
        self.tell(f"account {account} in market {market}: mark {self.mark(market)} -> {mark}")
        rest = {m: self.mark(m) for m in range(len(MARKETS))}
        if twice:
            self.advance({**rest, market: mark + (self.mark(market) - mark) // 20})
        self.advance({**rest, market: mark})
        return account, market

    @staticmethod
    def tell(text: str) -> None:
        """Have a failing example say so; nobody listens elsewhere."""
        if currently_in_test_context():
            note(text)

    def legs(self, account: int) -> list[int]:
        """Markets in which an account has a position."""
        return self.arena.legs(account)

    def target(self, account: int, market: int, aim: int) -> int:
        """The mark at which equity is about `aim` ppm of maintenance."""
        now = self.arena.now
        held, size = now.accounts[account], self.arena.size(account, market)
        needed = margin.account_maintenance(held, now.markets) * aim // PPM
        return self.mark(market) + (needed - now.equity(account)) // size

    def leave(self, market: int, *, longs: bool) -> None:
        """Those who won leave in time, to the one with the deep pocket: it has won nothing yet."""
        for account in self.arena.accounts:
            if (self.arena.size(account, market) > 0) == longs:
                self.close_at_mark(account, market)

    # --- keepers, honest and not -----------------------------------------------------------

    @rule(places=st.lists(PLACES, max_size=16))
    def liquidate(self, places: list[int]) -> None:
        named = [self.anyone(place) for place in places]
        self._guarded(keeping.liquidate, self.arena, named)

    @rule(first_end_jobs=SIDES)
    def keep(self, first_end_jobs: bool) -> None:
        if first_end_jobs:
            self._guarded(keeping.expire_jobs, self.arena)
        self._guarded(keeping.keep, self.arena)

    @rule(
        losers=st.lists(PLACES, max_size=4),
        plans=st.lists(
            st.tuples(MARKET_IDS, SIDES, WILD, st.lists(st.integers(0, 9), max_size=8)), max_size=4
        ),
        due=SIDES,
    )
    def deleverage_wildly(self, losers: list[int], plans: list[tuple[Any, ...]], due: bool) -> None:
        arena = self.arena
        named = [self.anyone(place) for place in losers]
        if due:
            named = [*arena.due(), *named][:16]
        if arena.venue.index:
            for number in named:
                self.act(arena.adl, "close", number, sender=arena.outsider)
            return
        if arena.venue.profit:
            steps = plans[0][2] if plans else 0
            self.act(arena.adl, "close", named, steps, sender=arena.outsider)
            return
        if arena.venue.quota:
            plans = [(self.anyone(place), plan[0], plan[2]) for place, plan in enumerate(plans)]
        self.act(arena.adl, "deleverage", named, plans, sender=arena.outsider)

    @rule(market=MARKET_IDS, who=PLACES, threshold=WILD, due=st.sampled_from([True, True, False]))
    def open_job(self, market: int, who: int, threshold: int, due: bool) -> None:
        if self.arena.venue.charges:
            return
        loser = self.anyone(who)
        losers = self.arena.due()
        if due and losers:
            loser = losers[who % len(losers)]
            legs = self.legs(loser)
            market = legs[market % len(legs)] if legs else market
        asked = market if self.arena.venue.quota else (market, threshold)
        self.act(self.arena.adl, "open_jobs", loser, [asked], sender=self.arena.outsider)

    def side(self, market: int, longs: bool, place: int) -> tuple[int, int]:
        """An open job if there is one, else any."""
        jobs = sorted(self.arena.jobs)
        if not jobs and self.arena.venue.quota:
            return self.anyone(place), market
        return jobs[place % len(jobs)] if jobs else (market, longs)

    @rule(
        what=st.sampled_from(["scan", "order", "end_job", "close", "close"]),
        market=MARKET_IDS,
        longs=SIDES,
        place=PLACES,
        count=COUNTS,
        start=st.integers(0, 3),
        told=st.lists(st.integers(0, 9), max_size=8),
    )
    def meddle(
        self,
        *,
        what: str,
        market: int,
        longs: bool,
        place: int,
        count: int,
        start: int,
        told: list[int],
    ) -> None:
        """One step of a job, with whatever parameters."""
        if self.arena.venue.profit:
            self.act(self.arena.adl, "proceed", market, count, sender=self.arena.outsider)
        if self.arena.venue.charges:
            return
        side = self.side(market, longs, place)
        if self.arena.venue.quota and what in {"scan", "order"}:
            level = sum(lots << 32 * n for n, lots in enumerate(told))
            self.act(self.arena.adl, "scan", *side, level, count, sender=self.arena.outsider)
            return
        with_ = {
            "scan": (*side, count),
            "order": (*side, start, told),
            "end_job": side,
            "close": (self.anyone(place), count),
        }
        self.act(self.arena.adl, what, *with_[what], sender=self.arena.outsider)

    @rule(place=PLACES, fills=COUNTS)
    def work(self, place: int, fills: int) -> None:
        """Somebody honest carries an open job on, a step at a time."""
        arena = self.arena
        for market in arena.collecting():
            self.act(arena.adl, "proceed", market, fills, sender=arena.keeper)
        if not arena.jobs:
            return
        side = self.side(0, False, place)
        job = arena.job(*side)
        if arena.venue.quota:
            self.share(side, fills)
            return
        market, longs = side[0], bool(side[1])
        if job.phase == 1:
            self.act(arena.adl, "scan", market, longs, MAX_UINT, sender=arena.keeper)
            job = arena.job(market, longs)
        if job.phase == 2:
            keys = [key for key, _ in keeping.keys(arena, market, longs=longs)]
            enrolled = [key for key in keys if key >= job.threshold][: job.enrolled - job.next]
            places = sorted(range(len(enrolled)), key=enrolled.__getitem__, reverse=True)
            told = [job.next + n for n in places]
            self.act(arena.adl, "order", market, longs, job.next, told, sender=arena.keeper)
        self.act(arena.adl, "close", job.serving or job.loser, fills, sender=arena.keeper)

    def share(self, side: tuple[int, int], fills: int) -> None:
        """The same where lots are shared: the right level, then so many fills."""
        arena, (loser, market) = self.arena, side
        quota = arena.venue.quota
        assert quota is not None
        if market in self.legs(loser):
            level = sharing.read(arena.adl, arena.pool, quota, loser, market).plan.level
            self.act(arena.adl, "scan", *side, level, MAX_UINT, sender=arena.keeper)
        self.act(arena.adl, "close", loser, fills, sender=arena.keeper)

    # --- those who may not -----------------------------------------------------------------

    @rule(
        who=PLACES,
        other=PLACES,
        market=MARKET_IDS,
        amount=AMOUNTS,
        place=st.integers(0, TRESPASSES - 1),
    )
    def trespass(self, who: int, other: int, market: int, amount: int, place: int) -> None:
        """An outsider tries what is an engine's or an admin's."""
        arena = self.arena
        source, target = self.anyone(who), self.anyone(other)
        value = amount * USD
        match = (market, source, target, True, amount, self.mark(market), False, True)
        pool: list[tuple[Any, ...]] = [
            ("grant", 1, arena.outsider),
            ("list_market", (0, MAX_AGE, 10**6, [(0, 5)] + [(0, 0)] * 4)),
            ("credit", arena.outsider, source, amount),
            ("debit", source, amount, amount),
            ("rest", source, market, amount, 0),
            ("fill", match),
            ("exchange", market, source, target, amount, value),
            ("pay", source, target, value),
            ("socialize", market, True, target, value),
            ("write_off", source),
            ("lock_market", market, True),
            ("hold_seniority", True),
            ("open_protocol_account",),
            ("advance", [(market, value, value, 0)]),
            ("set_schedule", market, 1, 1),
            ("set_open_interest_cap", market, amount),
        ]
        book: list[tuple[Any, ...]] = [
            ("cancel_all", source),
            ("sweep", source, market, True, amount, value, 9),
            ("open_market", market),
        ]
        levers: list[tuple[Any, ...]] = [
            ("announce_maintenance", market, [1, 0, 0, 0, 0]),
            ("lower_cap", market, 0),
            ("announce_policy", 1),
        ]
        contract, call = [
            *((arena.pool, each) for each in pool),
            *((arena.book, each) for each in book),
            *((arena.levers, each) for each in levers),
        ][place]
        receipt = self.act(contract, *call, sender=arena.outsider)
        self._guarded(_refused, receipt, call[0])

    @rule(who=PLACES, other=PLACES, usd=AMOUNTS)
    def steal(self, who: int, other: int, usd: int) -> None:
        """An outsider acts on what belongs to others, the venue's own accounts included."""
        arena, account = self.arena, self.anyone(who)
        if account in {DEFICIT, FEES} and usd == 1:
            account = arena.child
        out = arena.outsider
        moved = (account, self.anyone(other), usd * USD)
        for receipt in (
            self.act(arena.pool, "transfer", *moved, sender=out),
            self.act(arena.custody, "request_withdrawal", account, usd * UNITS, out, sender=out),
            self.act(arena.pool, "set_leverage", account, 0, 1, sender=out),
        ):
            self._guarded(_refused, receipt, "steal")


def _refused(receipt: Receipt, what: str) -> None:
    assert not receipt.success, what


class PooledMachine(VenueMachine):
    """The same on a venue whose pool is everyone's counterparty."""

    @rule(
        what=st.sampled_from(["open", "give", "quote", "quote", "quote", "limit", "limit"]),
        market=MARKET_IDS,
        usd=AMOUNTS,
    )
    def pool_chore(self, what: str, market: int, usd: int) -> None:
        """Anyone has the pool do what it does for anyone."""
        arena, pool = self.arena, self.arena.counterparty
        assert pool is not None
        arena.fund(arena.outsider, pool, usd * UNITS)
        told = {"open": (), "give": (usd * UNITS,)}.get(what, (market,))
        self.act(pool, what, *told, sender=arena.outsider)

    @rule(market=MARKET_IDS, who=PLACES, usd=NOTIONALS, bids=SIDES, move=WINS)
    def win_from_it(self, market: int, who: int, usd: int, bids: bool, move: int) -> None:
        """Somebody trades with the pool, the mark moves, and what the pool orders is closed."""
        arena, pool = self.arena, self.arena.counterparty
        assert pool is not None
        self.act(pool, "quote", market, sender=arena.outsider)
        price = self.price(market, 1_000 if bids else -1_000, up=bids)
        self.place_order(
            self.account(who), market, (bids, price, self.lots(market, usd), IOC, False)
        )
        marks = {m: self.mark(m) for m in range(len(MARKETS))}
        moved = PPM + move if bids else PPM - move
        self.advance({**marks, market: marks[market] * moved // PPM})
        receipt = self.act(pool, "limit", market, sender=arena.outsider)
        if receipt.success:
            self._guarded(keeping.close_ordered, arena)


class ProvidedMachine(VenueMachine):
    """The same on a venue with providers, who pledge before anything happens."""

    @initialize(pledges=st.lists(st.tuples(PLACES, LIMITS), min_size=5, max_size=9))
    def stand_behind(self, pledges: list[tuple[int, int]]) -> None:
        for who, limit in pledges:
            self.pledge(who, limit, leaves=False, own=True)

    @rule(who=PLACES, limit=LIMITS, leaves=SIDES, own=st.sampled_from([True, True, False]))
    def pledge(self, who: int, limit: int, leaves: bool, own: bool) -> None:
        """Anyone stands behind the book, or no more, with an account of theirs or of others."""
        arena, account = self.arena, self.account(who)
        assert arena.providers is not None
        there = [told.account for told in arena.providers.call.pledges()]
        if leaves and there:
            account = there[who % len(there)]
        call = ("leave", account) if leaves else ("pledge", account, limit * USD)
        receipt = self.act(
            arena.providers, *call, sender=self.owner(account) if own else arena.outsider
        )
        if not own:
            self._guarded(_refused, receipt, call[0])

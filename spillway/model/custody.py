"""Collateral in and out of the pool, and who is paid while a deficit stands."""

from dataclasses import replace

from spillway.model.pool import Pool, Request, require
from spillway.model.rounding import ceil_div
from spillway.model.words import DEFICIT
from spillway.units import QUOTE_PER_UNIT

CURE_TIME = 7 * 24 * 60 * 60
WITHDRAWAL_NOTIONAL = 10  # what remains covers at least a tenth of notional


def check_withdrawable(pool: Pool, account: int, amount: int) -> None:
    """Refuse to let `amount` of quote go unless the rest covers max(initial, notional / 10)."""
    health = pool.health(account)
    require(health.stale_notional == 0, "pool: stale mark")
    floor = max(health.initial, ceil_div(health.notional, WITHDRAWAL_NOTIONAL))
    require(health.equity >= floor + amount, "pool: below initial margin")


def transfer(pool: Pool, source: int, target: int, amount: int) -> None:
    """Move quote between two accounts of one owner, under the rule of a withdrawal."""
    check_withdrawable(pool, source, amount)
    if not pool.senior(source):
        covered = pool.senior_quote + amount <= pool.custody * QUOTE_PER_UNIT
        calm = not pool.deficit and not pool.held
        require(calm and covered, "pool: deficit stands")
    require(source != target, "pool: same account")
    pool.move(source, target, amount)


def request_withdrawal(pool: Pool, account: int, units: int) -> None:
    """Ask for a withdrawal of `units`; 0 cancels."""
    pool.requests[account] = Request(units, pool.epoch)


def withdraw(pool: Pool, account: int) -> int:
    """Pay the requested withdrawal; give the units paid."""
    request = pool.requests.get(account, Request(0, 0))
    require(request.units > 0, "custody: no request")
    require(pool.epoch > request.epoch, "custody: wait for an epoch")
    paid = payable(pool, account, request.units)
    check_withdrawable(pool, account, request.units * QUOTE_PER_UNIT)
    pool.requests[account] = replace(request, units=0)
    pool.credit(account, -request.units * QUOTE_PER_UNIT)
    pool.credit(DEFICIT, (request.units - paid) * QUOTE_PER_UNIT)
    pool.custody -= paid
    return paid


def payable(pool: Pool, account: int, units: int) -> int:
    """Return the units paid out for `units` taken from an account.

    Seniors in full while cash covers their claims, others in full without a deficit. Where that is
    not so, and a deficit has stood for CURE_TIME, a share rounded down: seniors of the cash, others
    of what seniors do not claim. Never more than the cash, nor to others what seniors claim of it.
    """
    senior = pool.senior(account)
    require(senior or not pool.held, "custody: seniority is open")
    cash: int = pool.custody * QUOTE_PER_UNIT
    claims = max(pool.senior_quote, 0)
    reserved = 0 if senior else claims
    paid = units
    if claims > cash or (pool.deficit and not senior):
        waited = pool.deficit > 0 and pool.now >= pool.deficit_since + CURE_TIME
        require(waited and cash > reserved, "custody: deficit stands")
        free = cash - reserved
        paid = units * free // (claims if senior else free + pool.deficit)
    require(reserved + paid * QUOTE_PER_UNIT <= cash, "custody: beyond the cash")
    return paid


def cover_deficit(pool: Pool, units: int) -> int:
    """Take collateral towards the deficit, at most what is missing; give the units taken."""
    require(pool.deficit > 0, "custody: no deficit")
    require(units > 0, "custody: zero amount")
    taken = min(units, ceil_div(pool.deficit, QUOTE_PER_UNIT))
    pool.custody += taken
    pool.credit(DEFICIT, taken * QUOTE_PER_UNIT)
    return taken

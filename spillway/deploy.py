"""Wiring: deploys a venue's contracts, hands out the roles, lists the markets."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from itertools import islice
from typing import TYPE_CHECKING

from spillway.errors import BadInput
from spillway.model.policies import INDEXES, PROFITS, QUEUES, SHARES, contract_name
from spillway.preset_rules import (
    adl_rules,
    counterparty_terms,
    fund_rules,
    index_rules,
    layer,
    liquidation_rules,
    profit_rules,
    vault_params,
)
from spillway.rules import NOBODY, PPM
from spillway.scenario import MAX_LEGS, desks
from spillway.timeline import needs_levers
from spillway.units import size_to_lots, usdc_to_units

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spillway.build import Artifact
    from spillway.engines import Address, Contract, Engine
    from spillway.presets import Preset
    from spillway.scenario import Market, Scenario

TIERS = 5  # of a schedule; those not used are zero


class Role(IntEnum):
    """Engine roles, as the pool numbers them."""

    ORACLE = 1
    BOOK = 2
    LIQUIDATOR = 4
    ADL = 8
    VAULT = 16
    CUSTODY = 32
    FUND = 64
    LEVERS = 128


@dataclass(frozen=True, slots=True)
class Contracts:
    """Handles on the contracts of one venue."""

    usdc: Contract
    pool: Contract
    custody: Contract
    book: Contract
    oracle: Contract
    adl: Contract
    vault: Contract
    liquidator: Contract
    lens: Contract
    fund: Contract | None = None
    levers: Contract | None = None
    providers: Contract | None = None
    counterparty: Contract | None = None


@dataclass(frozen=True, slots=True)
class Cast:
    """Who sends which transactions: one address each, so that nobody trades with themselves."""

    admin: Address
    keeper: Address
    reporters: tuple[Address, ...]
    makers: tuple[Address, ...]
    depositors: tuple[Address, ...]
    traders: tuple[Address, ...]
    providers: tuple[Address, ...] = ()


def cast_size(preset: Preset, scenario: Scenario) -> int:
    """Return how many senders a run needs."""
    drawn = sum(group.count for group in scenario.population)
    people = len(scenario.vault.depositors) + len(scenario.accounts) + drawn
    people += preset.providers.count if preset.providers else 0
    return 2 + len(preset.oracle.reporters) + _maker_accounts(scenario) + people


def _maker_accounts(scenario: Scenario) -> int:
    return scenario.book.makers * len(desks(scenario))


def cast(engine: Engine, preset: Preset, scenario: Scenario) -> Cast:
    """Hand out the chain's senders."""
    senders = [engine.sender(index) for index in range(cast_size(preset, scenario))]
    admin, keeper = senders[:2]
    others = iter(senders[2:])
    return Cast(
        admin,
        keeper,
        reporters=tuple(islice(others, len(preset.oracle.reporters))),
        makers=tuple(islice(others, _maker_accounts(scenario))),
        depositors=tuple(islice(others, len(scenario.vault.depositors))),
        providers=tuple(islice(others, preset.providers.count if preset.providers else 0)),
        traders=tuple(others),
    )


def fits(preset: Preset, scenario: Scenario) -> bool:
    """Whether a venue can list a scenario's markets: a counterparty stands in each of them."""
    return preset.counterparty is None or len(scenario.markets) <= MAX_LEGS


def check_fit(preset: Preset, scenario: Scenario) -> None:
    """Raise BadInput where a venue can't list a scenario's markets."""
    if not fits(preset, scenario):
        allowed = f"a scenario with at most {MAX_LEGS} markets: its counterparty has one account"
        raise BadInput("command line", "--venue", preset.name, allowed)


def deploy(
    engine: Engine,
    artifacts: Mapping[str, Artifact],
    preset: Preset,
    scenario: Scenario,
    roles: Cast,
) -> Contracts:
    """Deploy the venue; each contract in a block of its own."""

    def new(name: str, *args: object) -> Contract:
        return engine.deploy(artifacts[name], *args, sender=roles.admin)

    trading = preset.trading
    usdc = new("USDC")
    pool = new("MarginPool", trading.taker_fee_ppm, trading.maker_fee_ppm, trading.band_ppm)
    custody = new("Custody", pool.address, usdc.address)
    book = new("OrderBook", pool.address)
    oracle = new("Oracle", pool.address, book.address, *_oracle_terms(preset, scenario, roles))
    traded_at = (pool.address, custody.address, book.address)
    vault = new("Vault", *traded_at, vault_params(preset.vault))
    fund = None
    if preset.insurance:
        fund_params, caps = fund_rules(preset.insurance, preset.vault, len(scenario.markets))
        fund = new("InsuranceFund", *traded_at, fund_params, caps)
    fund_at = fund.address if fund else NOBODY
    providers = new("BackstopProviders", pool.address, 0) if preset.providers else None
    pooled = None
    if preset.counterparty:
        pooled = new("Counterparty", *traded_at, counterparty_terms(preset.counterparty))
    behind = {
        "vault": vault.address,
        "insurance": fund_at,
        "providers": providers.address if providers else NOBODY,
        "counterparty": pooled.address if pooled else NOBODY,
    }
    layers = [layer(each, behind[each.by]) for each in preset.backstops]
    selling = liquidation_rules(preset)
    liquidator = new("Liquidator", pool.address, book.address, fund_at, selling, layers)
    allowed = [new(contract_name(name)) for name in lever_policies(preset, scenario)]
    levers = None
    if needs_levers(scenario):
        addresses = [each.address for each in allowed]
        levers = new("Levers", pool.address, preset.levers.notice_seconds, addresses)
    taker = behind["insurance" if preset.insurance and preset.insurance.takes_over else "vault"]
    policy = preset.adl.policy
    if policy in INDEXES:
        rules: object = index_rules(preset, liquidator.address)
        adl = new("AdlIndex", pool.address, fund_at, taker, rules)
    elif policy in PROFITS:
        rules = profit_rules(preset, liquidator.address)
        adl = new("AdlProfit", pool.address, fund_at, taker, rules)
    elif policy in SHARES:
        rules = adl_rules(preset, liquidator.address)
        quotas = new(contract_name(policy))
        adl = new("AdlShares", pool.address, quotas.address, fund_at, rules)
    else:
        rules = adl_rules(preset, (pooled or liquidator).address)
        adl = new("Adl", pool.address, (levers or allowed[0]).address, fund_at, rules)
    lens = new("Lens", pool.address, book.address, adl.address)
    contracts = Contracts(
        usdc=usdc,
        pool=pool,
        custody=custody,
        book=book,
        oracle=oracle,
        adl=adl,
        vault=vault,
        liquidator=liquidator,
        lens=lens,
        fund=fund,
        levers=levers,
        providers=providers,
        counterparty=pooled,
    )
    _grant(contracts, roles.admin)
    vault.transact.open_accounts(sender=roles.admin)
    _list(contracts, preset, scenario, roles.admin)
    _endow(contracts, preset, scenario, roles.admin)
    return contracts


def _oracle_terms(preset: Preset, scenario: Scenario, roles: Cast) -> tuple[object, ...]:
    """Return what the oracle is told of its reporters, and of the markets."""
    told = preset.oracle
    reporters = [
        (address, reporter.spot_weight, reporter.perp_weight)
        for address, reporter in zip(roles.reporters, told.reporters, strict=True)
    ]
    majors = sum(1 << place for place, market in enumerate(scenario.markets) if market.major)
    hourly = told.funding == "hourly"
    return reporters, told.max_report_age_seconds, told.quorum, majors, hourly


def lever_policies(preset: Preset, scenario: Scenario) -> list[str]:
    """Return the policies that levers may put in force, by place: the venue's own, then others.

    None where the venue ranks nobody.
    """
    if preset.adl.policy not in QUEUES:
        return []
    told = (event.policy for event in scenario.events if event.policy)
    return list(dict.fromkeys([preset.adl.policy, *told]))


def _endow(contracts: Contracts, preset: Preset, scenario: Scenario, admin: Address) -> None:
    """Open the accounts of fund and counterparty, and give each its part of the capital."""
    usdc = contracts.usdc
    deposited = sum(usdc_to_units(one.amount_usd) for one in scenario.vault.depositors)
    if contracts.counterparty and preset.counterparty:
        capital = deposited * preset.counterparty.capital_ppm // PPM
        usdc.transact.mint(admin, capital, sender=admin)
        usdc.transact.approve(contracts.counterparty.address, capital, sender=admin)
        contracts.counterparty.transact.open(sender=admin)
        contracts.counterparty.transact.give(capital, sender=admin)
    if not contracts.fund or not preset.insurance:
        return
    fund = contracts.fund
    capital = deposited * preset.insurance.capital_ppm // PPM
    markets = [0] if preset.insurance.pooled else list(range(len(scenario.markets)))
    usdc.transact.mint(admin, capital, sender=admin)
    usdc.transact.approve(fund.address, capital, sender=admin)
    for market in markets:
        fund.transact.open(market, sender=admin)
        if units := capital // len(markets):
            fund.transact.give(market, units, sender=admin)


def _grant(contracts: Contracts, admin: Address) -> None:
    """Hand out every role. One that nobody is to have is the pool's, which calls nothing.

    A role left open would be the admin's to grant later.
    """
    for role in Role:
        holder: Contract | None = getattr(contracts, role.name.lower())
        contracts.pool.transact.grant(role, (holder or contracts.pool).address, sender=admin)


def _list(contracts: Contracts, preset: Preset, scenario: Scenario, admin: Address) -> None:
    for number, market in enumerate(scenario.markets):
        config = (
            market.size_decimals,
            preset.oracle.max_mark_age_seconds,
            size_to_lots(market.open_interest_cap, market.size_decimals),
            schedule(market),
        )
        contracts.pool.transact.list_market(config, sender=admin)
        contracts.book.transact.open_market(number, sender=admin)


def schedule(market: Market) -> list[tuple[int, int]]:
    """Return the margin schedule of a market as the pool takes it."""
    used = [(0, market.max_leverage), *((t.above_usd, t.max_leverage) for t in market.tiers)]
    return used + [(0, 0)] * (TIERS - len(used))

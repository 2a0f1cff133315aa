"""Attacks on consent, identity, ledger and totals; each is shown to succeed without its defence."""

from tests.attacks import on_consent, on_identity, on_ledger, on_totals

ATTACKS = (
    *on_consent.ATTACKS,
    *on_identity.ATTACKS,
    *on_ledger.ATTACKS,
    *on_totals.ATTACKS,
)

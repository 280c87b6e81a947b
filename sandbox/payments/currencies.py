"""The currencies that the payment provider takes, and the amounts it takes in them."""

import re
from typing import Final

from sandbox.payments.errors import invalid

_KNOWN: Final = frozenset(
    re.findall(
        r"\w{3}",
        """
        usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd
        bob brl bsd bwp byn bzd cad cdf chf clp cny cop crc cve czk djf dkk dop dzd
        egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd hnl hrk htg huf idr ils
        inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad
        mdl mga mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd omr
        pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek sgd shp sle
        sos srd std szl thb tjs tnd top try ttd twd tzs uah ugx uyu uzs vnd vuv wst
        xaf xcd xcg xof xpf yer zar zmw
        """,
    )
)
_CHARGED_AT_MOST: Final = 99_999_999
_IN_TENS: Final = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})
_IN_HUNDREDS: Final = frozenset({"isk", "ugx"})
_PAID_OUT_IN_HUNDREDS: Final = frozenset({"huf", "twd"})


def known(currency: str) -> str:
    """The code in lower case; refused where the provider does not take it."""
    code = currency.lower()
    if code not in _KNOWN:
        raise invalid(
            f"Invalid currency: {code}. Stripe currently supports these currencies: "
            + ", ".join(sorted(_KNOWN)),
            param="currency",
        )
    return code


def chargeable(amount: int, currency: str) -> int:
    """The amount, if it can be charged at once: of no more than eight digits."""
    if amount > _CHARGED_AT_MOST:
        raise invalid(
            f"Amount must be no more than {_CHARGED_AT_MOST} {currency}.",
            param="amount",
            code="amount_too_large",
        )
    return payable(amount, currency)


def payable(amount: int, currency: str, *, paid_out: bool = False) -> int:
    """The amount, if the provider can move it: three decimals are written but only two are used."""
    in_hundreds = _IN_HUNDREDS | _PAID_OUT_IN_HUNDREDS if paid_out else _IN_HUNDREDS
    step = 10 if currency in _IN_TENS else 100 if currency in in_hundreds else 1
    if amount % step:
        raise invalid(
            f"Invalid {currency.upper()} amount {amount}: it must be a multiple of {step}.",
            param="amount",
        )
    return amount

"""The timezone a phone number's owner most likely lives in."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import phonenumbers
from babel.core import get_global
from phonenumbers import NumberParseException, timezone
from phonenumbers.tzdata import TIMEZONE_DATA

# Where a mobile number does not tell the zone, the one in which most people of the country live.
_MAIN: Final = {
    "AR": "America/Argentina/Buenos_Aires",
    "AU": "Australia/Sydney",
    "BR": "America/Sao_Paulo",
    "CA": "America/Toronto",
    "CD": "Africa/Kinshasa",
    "CL": "America/Santiago",
    "CN": "Asia/Shanghai",
    "CY": "Asia/Nicosia",
    "DE": "Europe/Berlin",
    "EC": "America/Guayaquil",
    "ES": "Europe/Madrid",
    "FM": "Pacific/Pohnpei",
    "GB": "Europe/London",
    "GL": "America/Nuuk",
    "ID": "Asia/Jakarta",
    "KI": "Pacific/Tarawa",
    "KZ": "Asia/Almaty",
    "MH": "Pacific/Majuro",
    "MN": "Asia/Ulaanbaatar",
    "MX": "America/Mexico_City",
    "MY": "Asia/Kuala_Lumpur",
    "NZ": "Pacific/Auckland",
    "PF": "Pacific/Tahiti",
    "PG": "Pacific/Port_Moresby",
    "PS": "Asia/Gaza",
    "PT": "Europe/Lisbon",
    "RU": "Europe/Moscow",
    "UA": "Europe/Kyiv",
    "US": "America/New_York",
    "UZ": "Asia/Tashkent",
}
# Old names that the number data still carries; newer systems may lack them.
_RENAMED: Final = {
    "Africa/Asmera": "Africa/Asmara",
    "America/Buenos_Aires": "America/Argentina/Buenos_Aires",
    "America/Catamarca": "America/Argentina/Catamarca",
    "America/Cordoba": "America/Argentina/Cordoba",
    "America/Godthab": "America/Nuuk",
    "America/Indianapolis": "America/Indiana/Indianapolis",
    "America/Jujuy": "America/Argentina/Jujuy",
    "America/Louisville": "America/Kentucky/Louisville",
    "America/Mendoza": "America/Argentina/Mendoza",
    "Asia/Calcutta": "Asia/Kolkata",
    "Asia/Choibalsan": "Asia/Ulaanbaatar",
    "Asia/Katmandu": "Asia/Kathmandu",
    "Asia/Rangoon": "Asia/Yangon",
    "Asia/Saigon": "Asia/Ho_Chi_Minh",
    "Atlantic/Faeroe": "Atlantic/Faroe",
    "Europe/Kiev": "Europe/Kyiv",
    "Pacific/Enderbury": "Pacific/Kanton",
    "Pacific/Ponape": "Pacific/Pohnpei",
    "Pacific/Truk": "Pacific/Chuuk",
}


def guess_timezone(e164: str) -> str | None:
    """The zone's IANA name; None when the number tells nothing (satellite phones, freephone numbers of the world)."""
    alone = _zone_of_code(e164[1:4])
    if alone is not None:
        return alone
    try:
        number = phonenumbers.parse(e164, None)
    except NumberParseException:
        return None
    zones = [zone for zone in timezone.time_zones_for_number(number) if zone != "Etc/Unknown"]
    if len(zones) == 1:
        return _RENAMED.get(zones[0], zones[0])
    return _zone_of_region(phonenumbers.region_code_for_number(number)) if zones else None


@lru_cache(maxsize=2048)
def _zone_of_code(start: str) -> str | None:
    """The zone of the country code with which these digits begin, where the whole country has one: most have."""
    for length in (1, 2, 3):
        zones = TIMEZONE_DATA.get(start[:length])
        if zones is not None:
            regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(start[:length]), ())
            return _RENAMED.get(zones[0], zones[0]) if len(zones) == 1 and len(regions) == 1 else None
    return None


@lru_cache(maxsize=512)
def _zone_of_region(region: str | None) -> str | None:
    if region is None:
        return None
    zones = get_global("territory_zones").get(region, [])
    return _RENAMED.get(zones[0], zones[0]) if len(zones) == 1 else _MAIN.get(region)

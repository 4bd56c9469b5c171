"""What may be done with contacts; the door of this feature for all others."""

from __future__ import annotations

from tidings.contacts.audience import AUDIENCE_SQL, START, Audience, AudienceCount, audience_page, check_audience, count_audience
from tidings.contacts.changing import (
    Changes,
    add_address,
    change_contact,
    delete_contact,
    opt_in_contact,
    opt_out_contact,
    remove_address,
)
from tidings.contacts.creating import Made, create_contact, create_contacts
from tidings.contacts.models import Address, Contact, ContactPoint, NewContact
from tidings.contacts.optouts import is_opted_out, opt_in, opt_out
from tidings.contacts.reading import count_contacts, get_contact, get_contacts, groups_of_contact, list_contacts
from tidings.contacts.search import Filters
from tidings.contacts.senders import find_or_create_by_address, find_or_create_by_addresses

__all__ = [
    "AUDIENCE_SQL",
    "START",
    "Address",
    "Audience",
    "AudienceCount",
    "Changes",
    "Contact",
    "ContactPoint",
    "Filters",
    "Made",
    "NewContact",
    "add_address",
    "audience_page",
    "change_contact",
    "check_audience",
    "count_audience",
    "count_contacts",
    "create_contact",
    "create_contacts",
    "delete_contact",
    "find_or_create_by_address",
    "find_or_create_by_addresses",
    "get_contact",
    "get_contacts",
    "groups_of_contact",
    "is_opted_out",
    "list_contacts",
    "opt_in",
    "opt_in_contact",
    "opt_out",
    "opt_out_contact",
    "remove_address",
]

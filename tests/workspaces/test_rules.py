"""The table of permissions, written out a second time so that nobody changes it by accident."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.workspaces.rules import PERMISSIONS, Permission, Role, may_hand_out

TABLE = {
    #                     owner admin agent viewer
    "contacts:read":      "yes   yes   yes   yes",
    "contacts:write":     "yes   yes   yes   no",
    "campaigns:read":     "yes   yes   yes   yes",
    "campaigns:write":    "yes   yes   no    no",
    "messages:read":      "yes   yes   yes   yes",
    "messages:send":      "yes   yes   yes   no",
    "media:read":         "yes   yes   yes   yes",
    "media:write":        "yes   yes   yes   no",
    "channels:read":      "yes   yes   yes   yes",
    "channels:write":     "yes   yes   no    no",
    "channels:own":       "yes   yes   yes   no",
    "members:read":       "yes   yes   no    no",
    "members:write":      "yes   yes   no    no",
    "api_keys:write":     "yes   yes   no    no",
    "audit:read":         "yes   yes   no    no",
    "workspace:read":     "yes   yes   yes   yes",
    "workspace:write":    "yes   no    no    no",
}  # fmt: skip


@pytest.mark.parametrize("permission", Permission)
def test_each_role_may_what_the_table_says(permission: Permission) -> None:
    said = dict(zip(Role, TABLE[permission].split(), strict=True))
    assert {role: "yes" if permission in PERMISSIONS[role] else "no" for role in Role} == said


@given(st.frozensets(st.sampled_from(list(Permission))), st.sampled_from(list(Role)))
def test_handing_a_role_out_never_lifts_anybody_above_oneself(mine: frozenset[Permission], role: Role) -> None:
    assert may_hand_out(mine, role) == (not PERMISSIONS[role] - mine)

"""What the API reference says above its list of endpoints."""

from __future__ import annotations

GUIDE = """
Everything that the dashboard does, over HTTP.

**Credentials.** Send `Authorization: Bearer …` with an API key (`tdk_…`, from *Settings, API keys*) or an access token
(from `POST /api/v1/auth/token`). Either belongs to one workspace; what belongs to another is a 404.

**Errors** are `application/problem+json` ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)): `code` is for programs and stable, `detail`
is for people, `errors` names the fields. After an error nothing was changed.

**Repeating safely.** Give a request that creates or sends something an `Idempotency-Key` of yours. Sent again within 24 hours it is not
carried out again: you get the first answer.

**Lists** answer with `items` and a `next_cursor`; give it as `cursor` for the next page. **Times** are RFC 3339, in UTC when we write them.
"""

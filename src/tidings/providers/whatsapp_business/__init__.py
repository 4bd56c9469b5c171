"""What Meta's WhatsApp Business Platform says, whoever passes it on: its error codes, its webhooks, its templates.

Not a provider: the providers that speak with the platform, or with somebody who hands its words through, read them here.
"""

"""The Binance USD-M dialect: the venue's words over the venue-neutral exchange."""

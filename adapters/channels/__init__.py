"""Channels: ways bytes travel to and from one partner. One module per kind of channel."""

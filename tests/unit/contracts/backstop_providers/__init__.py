"""Traders who stand behind the book."""

"""Bulk uploads: collected, read, previewed, applied chunk by chunk, decided on, answered."""

"""Folders that people and systems drop files into, here or on an SFTP server: order files and workbooks."""

"""OpenPGP: the cipher over GnuPG, its keyring, and the rule that says which messages are accepted."""

"""What comes in: from bytes nobody trusts to rows the judge can judge."""

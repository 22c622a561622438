"""Warn 预警: grading, issuing, updating, cancelling, dissemination, receipts and verification."""

"""Evaluate 评估: indicators, verification, after-action reports."""

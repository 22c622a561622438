"""Recover 恢复: damage, resource gaps, rectification and review."""

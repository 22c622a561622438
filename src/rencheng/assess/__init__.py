"""Assess 研判: signals detected, levels forecast, and risk by cell, hazard and horizon."""

"""Faults, kills and money: what a run costs, whatever happens between it and the Hub."""

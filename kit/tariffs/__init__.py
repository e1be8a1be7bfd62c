"""Tariffs of utilities: what a tariff is made of, and the lines that it makes of a usage.

Pure: no database, no clock. Money is whole fen, a price ten-thousandths of a yuan, a quantity thousandths of its unit.
"""

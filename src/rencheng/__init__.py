"""Rencheng 韧城: the open platform on which a city runs its safety as one loop.

The rooms, from the ground up: :mod:`kernel`, :mod:`ledger` and :mod:`science`, :mod:`city`, then the stages
:mod:`sense`, :mod:`assess`, :mod:`warn`, :mod:`respond`, :mod:`recover`, :mod:`community`, :mod:`evaluate`,
:mod:`rehearse`, then :mod:`adapters`, :mod:`app`, and the faces :mod:`web` and :mod:`cli`.
"""

__version__ = "0.1.0"
__all__ = ["__version__"]

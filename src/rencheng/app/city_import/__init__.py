"""Building a city package from public files by a TOML configuration, with progress and a report of what was refused."""

from rencheng.app.city_import.build import CityImported, Progress, import_city

__all__ = ["CityImported", "Progress", "import_city"]

"""The Airbase simulator, called over real connections."""

"""The BILL simulator, called over real connections."""

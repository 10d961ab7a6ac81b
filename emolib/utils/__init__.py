"""Cache folder, console messages and parameter validation."""

"""The built-in rewards, one module each: scripts carry their text, so they import only what every Python has."""

"""The assistant in use: predictions for a file of actions, and a chat in the terminal."""

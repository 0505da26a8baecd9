"""What every act in the corridor stands on: the opened archive, its types, keys, log and gates."""

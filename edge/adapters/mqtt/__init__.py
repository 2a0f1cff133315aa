"""MQTT: the broker loop, the decoders of the gateways' own formats, the app's messages."""

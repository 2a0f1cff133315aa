"""HTTP and WebSocket: pages, live frames to tablets, health and metrics. Decides nothing."""

"""A living store on a laptop: the files of a store, and shoppers who play it over MQTT."""

"""Community 共治: residents, grid officers and volunteers who take part."""

"""What makes live calls: HTTP, MCP servers, LangChain tools."""

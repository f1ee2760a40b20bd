"""Charts of other tools -> our flow form: Mermaid flowcharts and the Dify workflow DSL."""

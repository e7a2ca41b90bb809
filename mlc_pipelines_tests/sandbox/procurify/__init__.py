"""What the Procurify simulator does, asked over real connections."""

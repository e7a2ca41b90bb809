"""The one road every record takes: collect, translate, deliver, confirm; holds, release and replay."""

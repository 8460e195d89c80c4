"""The chapters: what each measures, how a run of one goes, and its rehearsal."""

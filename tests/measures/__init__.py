"""What the pages cost the people who use them, counted: `make measures` prints the table, and a
measure that is missed fails `make test`.

A journey is a script of what somebody presses, at pages read as text. To add one, put a function
into a module of this folder called `of_<something>.py`:

    @journey("Rematch after a decline", activations=3)
    def rematch(w: World) -> Counting:
        record = w.sent()
        w.referral(record, "decline", "sol", given={"reason": "full"})
        walk = begin(w, "priya", "/")
        walk.press("Rematch")
        walk.fill(group_id=w.group["pottery"]).press("Refer on")
        assert "Sent" in walk.banner
        return walk

The names of the limits are what a `Counting` counts (`tests.measures.walking` says how): fields,
answers, pages, activations, minutes. A measure that is no journey is a function marked `@counted`,
which yields `Measure` rows. `weights` counts bytes and statements of every page, `reading` how hard
its words are, `screens` what a small phone shows, `speed` how long the server takes."""

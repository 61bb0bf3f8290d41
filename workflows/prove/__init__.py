"""The explorer: walks every state that the tables of moves can reach together, and asks of each
state and each step whether what Segue promises still holds.

It takes moves, guards, hats, clocks and what follows from the engine's own tables, and has of its
own only a small frozen picture of the store (`world`), of what a move leaves there (`acting`), and
of what time and life bring. No SQL, no Flask, no clock."""

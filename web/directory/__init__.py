"""Directory feeds in the Open Referral UK form. `feed` reads one page by page, `fetch` gets it from
a file, a folder or an address, `totals` adds up what came; `items`, `documents`, `fields`,
`schedules` and `mapping` say what an item means here; `intake` decides item by item, `store` and
`shelf` keep it; `page` is where somebody drops a feed of their own."""

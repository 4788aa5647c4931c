"""Real tools from the package registry, unmodified, with instrumentation on and off.

tools         the table: packages, jobs, what must come out
files         the real files that the jobs work on
server        the local HTTP server that some of them talk to
venvs         one environment for each tool, kept in a cache folder
observe       one run of a job: bytes, exit code, files, log
compare       bare, enabled and wrapped runs of a job, held against each other
overhead      the same, timed in interleaved rounds
run           all of it, and the table of `docs/compatibility.md`
click_suite   Click's own tests, with every command watched
"""

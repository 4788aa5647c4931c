"""Tools that nobody instrumented: their interpreters run us when they start.

    tooltrail run --instrument      puts the folder `site` first in PYTHONPATH of the command
    tooltrail instrument enable     writes start-up files into an environment's site-packages
      -> site/_tooltrail_bootstrap  valid in every Python: is this a CLI, and can it be recorded?
      -> startup                    what a capable interpreter does: wait for what will be imported
      -> programs                   which function this program starts with
      -> frame                      that function, recorded; the frameworks' `watch` join it
      -> blind                      what the wrapper can say of processes that left no record
      -> environments, clis         the start-up files of an environment, and what it holds

Only the outermost call of a process is recorded, and only observed.
"""

INSTRUMENT = "TOOLTRAIL_INSTRUMENT"  # where interpreters say that they ran: see `blind`
SITE = __file__.rpartition("/")[0] + "/site"  # what `run --instrument` puts into PYTHONPATH

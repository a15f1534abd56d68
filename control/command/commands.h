/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The subcommands of `postern`. Each is a file cmd_NAME.c with one function
 * that takes its own arguments (argv[0] is the subcommand's name), prints its
 * usage on --help, and returns the exit status: 0 done, 1 failed, 2 wrong
 * usage. A new one needs a prototype here and a line in postern.c.
 */
#ifndef POSTERN_CONTROL_COMMANDS_H
#define POSTERN_CONTROL_COMMANDS_H

int cmd_check(int argc, char **argv);
int cmd_expand(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_reload(int argc, char **argv);
int cmd_show(int argc, char **argv);
int cmd_suggest(int argc, char **argv);
int cmd_replay(int argc, char **argv);
int cmd_apply(int argc, char **argv);
int cmd_steer(int argc, char **argv);
int cmd_bypass(int argc, char **argv);
int cmd_doctor(int argc, char **argv);

#endif

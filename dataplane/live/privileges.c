/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "live/privileges.h"
#include "live/say.h"

bool
identity_find(const char *user, struct identity *id)
{
	const struct passwd *entry;

	*id = (struct identity){ -1, -1 };
	if (user == NULL || user[0] == '\0')
		return true;
	entry = getpwnam(user);
	if (entry == NULL || entry->pw_uid == 0) {
		say("dataplane: user: \"%s\" is %s; a user without privileges is wanted, or \"\" to stay", user,
		    entry == NULL ? "unknown" : "root");
		return false;
	}
	*id = (struct identity){ (int32_t)entry->pw_uid, (int32_t)entry->pw_gid };
	return true;
}

/*
 * The C library makes every thread call setresuid, and the kernel empties the capability sets of a thread whose three
 * user ids all leave 0: nothing is left to be dropped one by one.
 */
bool
identity_become(const struct identity *id)
{
	if (id->uid < 0)
		return true;
	if (setgroups(0, NULL) != 0 || setresgid((gid_t)id->gid, (gid_t)id->gid, (gid_t)id->gid) != 0 ||
	    setresuid((uid_t)id->uid, (uid_t)id->uid, (uid_t)id->uid) != 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
		say("dataplane: user: cannot become user %d: %s", id->uid, strerror(errno));
		return false;
	}
	return true;
}

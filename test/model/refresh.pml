/*
 * The refresh protocol: N processes, one storage, one lock, one strict authorization server.
 *
 *   spin -a refresh.pml && gcc -O2 -DSAFETY -w -o pan pan.c && ./pan -E
 *
 * The numbers in the comments are the seven steps of a refresh; a refresh token is its generation: 1, 2, 3, ...
 * In every state:
 *
 *   law 1   the server sees no spent refresh token, unless an answer was truly lost
 *   law 2   no access token is used before its refresh token's successor is stored
 *   law 3   a session ends only by a grant that is dead, or by its user
 *   law 6   a sign-out stays a sign-out
 *
 * CRASH=n       n processes die, at any step
 * FREEZE=n      n times the lock passes on from a holder that is frozen, and wakes up later
 * SIGN_OUT      someone signs out, at any moment and without the lock
 *
 * Mutations, each of which breaks a law:
 *
 * NO_LOCK       nobody waits for anybody
 * NO_FENCE      with FREEZE: the commit and the release do not compare
 * NO_CHECK      with FREEZE: who slept through its turn sends what it read before
 * USE_FIRST     the access token is used before the commit
 */
#ifndef N
#define N 3
#endif
#ifndef NEEDS
#define NEEDS 2        /* how often each process needs another access token */
#endif

/* The server: its newest refresh token, and whether the family was revoked for reuse. */
byte newest = 1;
bool revoked = false;

/* The storage: one record, written whole. version 0: nothing is stored (signed out, or ended). */
byte version = 1;
byte stored = 1;       /* refresh token */
bool marked = false;   /* it is being spent, or was when its spender died */
byte versions = 1;     /* never used twice */

/* The lock. */
bool held = false;
byte holder = 255;

/* What may excuse a revoked family: a rotation whose answer nobody could store. */
bool answerLost = false;
bool signedOut = false;
byte used = 1;         /* the newest generation whose access token somebody used */

byte crashes = 0;
byte freezes = 0;

inline write(refreshToken, mark) {
  versions++;
  version = versions;
  stored = refreshToken;
  marked = mark;
}

/* By compare, and in one step: a lock that someone took over is theirs. */
inline release() {
  atomic {
    if
#ifdef NO_FENCE
    :: true -> held = false; holder = 255
#else
    :: holder == _pid -> held = false; holder = 255
    :: else
#endif
    fi
  }
}

/* The process dies: the kernel, the browser or the lease frees its lock. */
inline mayDie(spent) {
#ifdef CRASH
  if
  :: crashes < CRASH -> atomic {
       crashes++;
       if
       :: spent && newest > stored -> answerLost = true
       :: else
       fi;
       release();
       goto restart
     }
  :: true
  fi
#else
  skip
#endif
}

active [N] proctype client() {
  byte known = 1;      /* the refresh token whose access token this process has */
  byte mine = 0;       /* version that was read */
  byte spending = 0;
  byte answer = 0;
  byte needs = 0;
  bool careful = false;

restart:
  do
  :: needs == NEEDS -> break
  :: else ->
       needs++;
again:
#ifndef NO_LOCK
       /* 2 Lock: free, or taken over from a holder that is frozen. */
       atomic {
         if
         :: !held -> held = true; holder = _pid
#ifdef FREEZE
         :: held && holder != _pid && freezes < FREEZE ->
              freezes++;
              /* Whatever the server has answered to the frozen one, it comes too late. */
              if
              :: newest > stored -> answerLost = true
              :: else
              fi;
              holder = _pid
#endif
         fi
       };
#endif
       mayDie(false);
       /* 3 Re-read */
       atomic { mine = version; spending = stored; careful = marked };
       /* 4 Reconcile */
       if
       :: mine == 0 -> release(); break                        /* signed out, or ended */
       :: mine != 0 && spending > known -> known = spending;    /* adopt */
            used = (known > used -> known : used);
            release(); goto done
       :: else
       fi;
       /* 5 Mark: by compare-and-set, so that of two who could spend one does. */
       atomic {
         if
#ifndef NO_FENCE
         :: version != mine -> release(); goto again
#endif
         :: else -> write(spending, true); mine = version
         fi
       };
       mayDie(false);
       /* 5 Spend: the server decides, whether or not anybody hears the answer. */
       atomic {
         if
#ifdef FREEZE
#ifndef NO_CHECK
         /* It has slept so long that others may have taken over: what it read is worth nothing. A clock tells. */
         :: holder != _pid -> goto again
         :: holder == _pid && revoked -> answer = 0
         :: holder == _pid && !revoked && spending == newest -> newest++; answer = newest
         :: holder == _pid && !revoked && spending < newest -> revoked = true; answer = 0
#define CHECKED
#endif
#endif
#ifndef CHECKED
         :: revoked -> answer = 0
         :: !revoked && spending == newest -> newest++; answer = newest
         :: !revoked && spending < newest -> revoked = true; answer = 0
#endif
         fi
       };
       mayDie(true);
#ifdef USE_FIRST
       if
       :: answer > 0 -> used = (answer > used -> answer : used)
       :: else
       fi;
       mayDie(true);
#endif
       /* 6 Commit, by compare-and-set on what was marked */
       atomic {
         if
#ifndef NO_FENCE
         :: version != mine ->                                  /* signed out or taken over meanwhile */
              if
              :: answer > 0 -> answerLost = true                /* discarded, and revoked after a sign-out */
              :: else
              fi;
              release(); goto again
#endif
         :: else ->
              if
              :: answer > 0 -> write(answer, false); known = answer
              :: else -> version = 0; stored = 0; marked = false    /* invalid_grant: compare and clear */
              fi
         fi
       };
       mayDie(false);
       if
       :: answer > 0 -> used = (answer > used -> answer : used)
       :: else
       fi;
       /* 7 Release */
       release();
done:  skip
  od
}

/* Someone signs out, at any moment and without the lock. */
active proctype user() {
#ifdef SIGN_OUT
  atomic { version = 0; stored = 0; marked = false; signedOut = true }
#else
  skip
#endif
}

/* True in every state. */
active proctype monitor() {
  do
  :: atomic {
       assert(!revoked || answerLost);                                        /* law 1 */
       assert(used <= stored || version == 0);                                /* law 2 */
       assert(version != 0 || revoked || signedOut);                          /* laws 3, 4: only a dead grant or the user ends it */
       assert(!signedOut || version == 0);                                    /* law 6 */
       break
     }
  od
}

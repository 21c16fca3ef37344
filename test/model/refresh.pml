/*
 * The refresh protocol: N processes, one storage, one lock, one strict authorization server.
 *
 *   spin -a refresh.pml && gcc -O2 -DSAFETY -w -o pan pan.c && ./pan -E
 *
 * The numbers in the comments are the seven steps of a refresh; a refresh token is its generation: 1, 2, 3, ...
 * Each login begins a family of its own, with generation 1.
 * In every state:
 *
 *   law single-use               the server sees no spent refresh token, unless an answer was truly lost
 *   law commit-before-use        no access token is used before its refresh token's successor is stored
 *   law only-the-server-ends-it  a session ends only by a grant that is dead, or by its user
 *   law sign-out-wins            a sign-out stays a sign-out
 *   law tokens-stay-home         a response of another server is not used
 *   law one-login                what began under one login is not sent under another, spends no refresh token of another, and is not stored over it
 *
 * CRASH=n       n processes die, at any step
 * FREEZE=n      n times the lock passes on from a holder that is frozen, and wakes up later
 * SIGN_OUT      someone signs out, at any moment and without the lock
 * LOGIN         another user signs in, at any moment (after the sign-out, if there is one) and without the lock
 * STRANGER      the transport follows a redirect, once, and another server answers the refresh
 *
 * Mutations, each of which breaks a law:
 *
 * NO_LOCK       nobody waits for anybody
 * NO_FENCE      with FREEZE: the commit and the release do not compare
 * NO_CHECK      with FREEZE: who slept through its turn sends what it read before
 * USE_FIRST     the access token is used before the commit
 * ANY_LOGIN     with LOGIN: a call goes on with whatever login it finds in the storage
 * BELIEVE       with STRANGER: what the other server answers is stored
 * BLIND_COMMIT  with LOGIN: the commit does not compare
 */
#ifndef N
#define N 3
#endif
#ifndef NEEDS
#define NEEDS 2        /* how often each process needs another access token */
#endif

/* The logins: that of the first user, and of the second. */
#define FIRST 0
#define SECOND 1
#define LOGINS 2
byte latest = FIRST;

#define FORGED 200     /* a refresh token that the server has not issued */
byte strangers = 0;

/* The server: the newest refresh token of each login, and whether its family was revoked for reuse. */
byte newest[LOGINS] = 1;
bool revoked[LOGINS] = false;

/* The storage: one record, written whole. version 0: nothing is stored (signed out, or ended). */
byte version = 1;
byte owner = FIRST;    /* login */
byte stored = 1;       /* refresh token */
bool marked = false;   /* it is being spent, or was when its spender died */
byte versions = 1;     /* never used twice */

/* The lock. */
bool held = false;
byte holder = 255;

/* What may excuse a revoked family: a rotation whose answer nobody could store. */
bool answerLost[LOGINS] = false;
bool signedOut = false;
byte used[LOGINS] = 1; /* the newest generation whose access token was used */
bool mixed = false;    /* a call of one login was sent with a token of another, or spent one */

byte crashes = 0;
byte freezes = 0;

inline write(login, refreshToken, mark) {
  versions++;
  version = versions;
  owner = login;
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

/* A call is sent with the access token of a login. */
inline use(login, generation) {
  if
  :: generation > used[login] -> used[login] = generation
  :: else
  fi;
  mixed = mixed || login != began
}

/* The process dies: the kernel, the browser or the lease frees its lock. */
inline mayDie(spent) {
#ifdef CRASH
  if
  :: crashes < CRASH -> atomic {
       crashes++;
       if
       :: spent && (newest[login] > stored || owner != login) -> answerLost[login] = true
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
  byte user = FIRST;   /* the login that it belongs to */
  byte began = FIRST;  /* the login under which the call began */
  byte login = FIRST;  /* the login that was read */
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
       began = user;
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
              :: newest[owner] > stored -> answerLost[owner] = true
              :: else
              fi;
              holder = _pid
#endif
         fi
       };
#endif
       mayDie(false);
       /* 3 Re-read */
       atomic { mine = version; login = owner; spending = stored; careful = marked };
       /* 4 Reconcile */
       if
       :: mine == 0 -> release(); break                        /* signed out, or ended */
       :: mine != 0 && login != user ->
#ifdef ANY_LOGIN
            known = spending; user = login; use(login, known);
#else
            known = spending; user = login;                     /* this call fails, the next one is of that login */
#endif
            release(); goto done
       :: mine != 0 && login == user && spending > known ->     /* adopt */
            known = spending;
            use(login, known);
            release(); goto done
       :: else
       fi;
       /* 5 Mark: by compare-and-set, so that of two who could spend one does. */
       atomic {
         if
#ifndef NO_FENCE
         :: version != mine -> release(); goto again
#endif
         :: else -> write(login, spending, true); mine = version
         fi
       };
       mayDie(false);
       /* 5 Spend: the server decides, whether or not anybody hears the answer. */
       atomic {
         if
#ifdef STRANGER
         :: strangers == 0 -> strangers++; answer = FORGED
#endif
#ifdef FREEZE
#ifndef NO_CHECK
         /* It has slept so long that others may have taken over: what it read is worth nothing. A clock tells. */
         :: holder != _pid -> goto again
         :: holder == _pid && revoked[login] -> answer = 0
         :: holder == _pid && !revoked[login] && spending == newest[login] -> newest[login]++; answer = newest[login]
         :: holder == _pid && !revoked[login] && spending < newest[login] -> revoked[login] = true; answer = 0
#define CHECKED
#endif
#endif
#ifndef CHECKED
         :: revoked[login] -> answer = 0
         :: !revoked[login] && spending == newest[login] -> newest[login]++; answer = newest[login]
         :: !revoked[login] && spending < newest[login] -> revoked[login] = true; answer = 0
#endif
         fi;
         mixed = mixed || login != began
       };
#ifndef BELIEVE
       if
       :: answer == FORGED -> release(); goto done              /* a lost response: the marker stays */
       :: else
       fi;
#endif
       mayDie(true);
#ifdef USE_FIRST
       if
       :: answer > 0 -> use(login, answer)
       :: else
       fi;
       mayDie(true);
#endif
       /* 6 Commit, by compare-and-set on what was marked */
       atomic {
         if
#ifndef NO_FENCE
#ifndef BLIND_COMMIT
         :: version != mine ->                                  /* signed out, another login, or taken over meanwhile */
              if
              :: answer > 0 -> answerLost[login] = true                /* discarded, and revoked after a sign-out */
              :: else
              fi;
              release(); goto again
#endif
#endif
         :: else ->
              if
              :: answer > 0 -> write(login, answer, false); known = answer
              :: else -> version = 0; stored = 0; marked = false    /* invalid_grant: compare and clear */
              fi
         fi
       };
       mayDie(false);
       if
       :: answer > 0 -> use(login, answer)
       :: else
       fi;
       /* 7 Release */
       release();
done:  skip
  od
}

/* Someone signs out, and another user signs in, each at any moment and without the lock. */
active proctype people() {
#ifdef SIGN_OUT
  atomic { version = 0; stored = 0; marked = false; signedOut = true };
#endif
#ifdef LOGIN
  atomic { write(SECOND, 1, false); latest = SECOND; signedOut = false };
#endif
  skip
}

/* True in every state. */
active proctype monitor() {
  do
  :: atomic {
       assert(!revoked[FIRST] || answerLost[FIRST]);                          /* law single-use */
       assert(!revoked[SECOND] || answerLost[SECOND]);
       assert(used[owner] <= stored || version == 0);                         /* law commit-before-use */
       assert(version != 0 || revoked[latest] || signedOut);                  /* laws compare-and-clear and only-the-server-ends-it: only a dead grant or the user ends it */
       assert(!signedOut || version == 0);                                    /* law sign-out-wins */
       assert(stored != FORGED);                                              /* law tokens-stay-home */
       assert(!mixed);                                                        /* law one-login */
       assert(owner == latest || version == 0);
       break
     }
  od
}

/**
 * What things in this repository were named before 1.0. A new thing may not get one of these names: two meanings of one name are
 * hard to search for, and most of these say less than the words that the field uses.
 */
const list = (text: string): readonly string[] => text.trim().split(/\s+/);

/** Names that are no English words. They stand nowhere: not in code, comments, titles of tests or documentation. */
export const anywhere = list(`
  aboutClient acceptsBearer ageIn allHeld AnnouncedOptions answer_lost answeredElsewhere answerFrom AnswerSource AnswerUse areHeard
  askNative asksForUser askUntilAnswered AuthorizationServerSource awaitedUntil awaitEnd awaitNews bearWitness becomesReady
  beforeConnection belongsTo beSilent bodyAgain BoundCall boundTo branchOf BridgeSignOut buffersIn callNext casesOf checkOf
  choiceNames clearAway clocksDiffer codeFor codeIn complaintAbout complaintOfResource complaintOfServer conflictsForEver CookiesSet
  departOnce discardAnswer discardLate documentAt endedBy endOfRefreshToken endRejection envelopeOf eraseVersion errorOfLock
  exchangeAnswer ExpectedEnd expectedEnd expectedEndShape expiringBefore failureWithoutMore faultNames faultOfIdToken fetchForm
  fetchThrough FileWatch findOrBegin finishHere firstRecord FleetStorage followedByPlatform foretell foretelling foretold forKeys
  FormerSession FormerTokens formsUnlessAsked FullClock grant-dead grantDead grantedAnswer grantOfSet handedOutUntil handedOver
  hasMembers hasSlept hearIn heldAs heldWithoutToken historyOf identityOf IdTokenFault inOneTab inPause insideOf inTrouble
  isAboutClient isAsking isComplaint isExpendable isForDesk isFromElsewhere isHopeless isInForce isInTrouble isMisconfigured
  isNarrowed isOfOneKind isSaidInvalid isSamePlace isStuckNow isSuspect isTakingOver isToAsk isUnderWay isWholeByName isWords
  judgeAnswer JudgeOptions judgeRejection keepFor keepKey keepPending keptExtra KeptKey keptKey keptOut KeyProver KeyringSeal
  lastWords latePath LateRevocation lateRevocation LateTokens leaveToPage leaveToPlatform leavingOn letIn lockable LockTrial
  LoginByRedirect loginClient LoginFacts longestDescription longestDoubt longestLeaving longestLine longestLoad longestName
  longestSuccess longestSuspicion longestText longestTimer longestTurn longestWait lookAgain lookLater lookSoon lostAnswer
  makePrivateFile mannerOf markOf mayAskAgain meaningOf meanNothing membersExcept metadataOf mostEntries mostHops mostInMap
  mostInWebStorage mostOfExtra mostOfNode mostOfSecrets mostReplaced mostShown mustBeOpen mustBeOurs mustBePrivate mustHaveKnownNames
  mustHaveNoLeftovers mustNotBeMounted mustStayInPlace nameResources neverAnswers newestWitness no_answer noAnswer noHurry noName
  noNetwork notKept notOurOwn notSignedOut notWritten OAuthRefusal oddKeys offlineBelieved ofSets ofTheWire openPorts openToGroup
  openWay originElsewhere otherThan Outgoing outgoingOf outgoingOfRequest OwnConnection ownInit ownMembersOf ownMessage pacedBy
  pageStays pairOf passedOn pauseOfFailure pauseOfRefusal persist_failures persistFailed persistFailures placeAt placeAtUrl
  prepareCode PreparedGrant privateDirectory ProofComplaint ProofDesk ProofPlace ProofRefusal ProvenRequest Prover proverOf
  provesDeath quietCause reachOfLocks readIdToken readLate readResponse realStore RedisLockParts refusedAgain refusedAnswer
  refuseDuplicates refuseNewer rememberIn rememberOurs replaceSpent requireFrom requireLastingKeys requirePending resolvedServer
  returnPending revokeLate roundTrip sameEnd sameTokens scopeToAskFor SealedStorage secondWind sendBound ServerWords SessionDesk
  sessionMessageOf settingsOf shortestEncoded showsBody signInWith siteDataRefusal sortPlaces Spending spendingShape spendOrNot
  standardMeaning statementsOn stillHere stillStored stillValid storageFailure StorageTrial streamsUploads stuckAfterLostAnswer
  subjectOf takeAnswer takeAway taken-over TakenProof TakeOver takePending takesOver takeTurn TakingManager takingTurns Tellable
  tellable tellFailure tellOf textsOf tokenAside tokensFrom tokenTexts tookTooLong unbegun Unreadable untilAborted untilItSucceeds
  Vigil waitForAnswer waitingClock WaitingLine waitsForStorage wasKnown watchClosing watchLeaks watchSleep WayListener whenItWakes
  whenStored wholeBody withKey withMissing withoutEnd withoutItsWarning withoutStaleMarks withoutTokens wordsOf WorkerLine Workshop
  workshop workshopOf wrong_answer wrongAnswer WrongProof
`);

/** Files and folders, all of the name or the end of a path. */
export const paths = list(`
  answer-body.ts answer-in-url assembly.ts audience.ts authorization-server-source browser/rendering complaint.ts conclusion.ts
  connect-token-manager core/claims core/given core/possession core/reach core/reconcile core/replay core/revocation database-failure
  exchanges.ts expected.ts failure-class.ts fate.ts fetch-form.ts file-watch.ts finding.ts finish-here fleet-storage fleet/hearing
  fleet/line given-tokens http-form.ts keep-for kept-keys key-prover keyring-seal known-names late-tokens leak-watch lock-trial
  lock-turn memory/turns message-check node/pause node/presence oauth-refusal odd-names outgoing.ts own-api.ts own-connection
  own-request pacing.ts patience.ts plain-text.ts preparation.ts proof-desk proof-refusal quiet-cause record-text src/redis/scripts
  rejections.ts round-trip same-answer sealed-storage sealing.ts senders.ts serve-token-manager server-words.ts session-desk
  settlement.ts shown.ts src/fleet src/flow storage-trial succession.ts taking-over.ts test/browser-units test/core test/doors
  test/dpop test/electron test/fleet test/flow test/keyring test/login test/platforms test/providers test/testing test/transports
  token-answer.ts token-services.ts token-worker.ts transport-failure.ts version-witness waking.ts web-locks.ts worker-line
`);

/** English words. Prose may use them; no identifier in src is named so. */
export const inSource = list(`
  acknowledged Alive allowance anew announced Announcements Answer answerOf answerTo appear Arrival arrival arrive Arriving arriving
  ask Asked asked Asking asking asks asleep assemble Assembly assembly asSent assertedBy asserting Attempt Attempted Audience awake
  beat briefly buried Capture Carrier carrier Choice Circumstances circumstances cleaned clientOf complains complaint complaints
  concluded counted courtesy dead deaf deepest depart Departure departure departures Descendant Desk desk displaced doubt elsewhere
  Ending Entrance entrance Exchanged Exchanges Expected Family Fate fate fateOf Finishing Found Given glance Gone goOn grace Grip grip
  hear heard Hearing hearing Held Incoming Inside isAsleep Items jittered judged judgeUse KeyLost Knowledge Known lapsed lasting
  Leavable letGo Line Live lockOf loginOf looks losable Making manners marked meant meet met mint mints Moving mute narrowed Need
  neverLeft news notable obtain odd Opened ours Outcome overhear overtaking Owner Pace pace Patience patience paused Place placeOf
  places Prepared preparing Presence presences promised prover quietly quotable refusalWords Refused Rejections rejections Remembered
  renewing restate restlessness robbed said says Seal Sealed Sealing searched Sent Share Shown spare spend Spent spent spoil Step
  strange strangeness strayed Stuck Suspect suspected suspects swept takeBack Taken tell Telling tells together told travel truce Turn
  Turns unanswered unguessable unlisten unmapped Unsaved unusable upcoming vacant Verdict vigil Wake Want want Wanted wanted wavering
  Way whole Witness Word word words zeros
`);

public import Roost
public import RoostCore

/// What an agent is told to do, and how far it is.
public struct AgentTask: Record, Equatable {
  /// The kind of work.
  public enum Kind: String, Codable, Sendable, CaseIterable, ColumnValue {
    /// To write a specification.
    case spec
    /// To write tests.
    case test
    /// To implement.
    case impl
    /// To review.
    case review
    /// To repair what broke.
    case heal
  }

  /// Where a task stands.
  public enum Status: String, Codable, Sendable, CaseIterable, ColumnValue {
    /// Nobody has claimed it.
    case pending
    /// Somebody works on it.
    case running
    /// It is done.
    case completed
    /// It went wrong.
    case failed
    /// It waits for a person's decision.
    case needsDecision = "needs_decision"
  }

  /// The key, at most 50 characters; nil lets the store make one.
  public var id: String?
  /// What is to be done; not blank.
  public var direction: String
  /// The kind of work.
  public var taskType: Kind
  /// Where it stands.
  public var status: Status
  /// The model that works on it.
  public var model: String
  /// The command that is run for it.
  public var command: String
  /// What came of it; nil until something did.
  public var output: String?
  /// What the agent should know; an empty object when nil is stored.
  public var context: JSON?
  /// How far it is, from 0 to 100; nil until it said so.
  public var progressPct: Int?
  /// What it is at; nil when it did not say.
  public var currentStep: String?
  /// What is to be decided; nil when nothing ever was.
  public var decisionPrompt: String?
  /// What was decided; nil when nothing ever was, or the question is open.
  public var decision: String?
  /// The tier of the model; nil when it does not matter.
  public var tier: String?
  /// When it was last claimed or started; nil until then.
  public var startedAt: Timestamp?
  /// When it was created; nil until it is stored.
  public var createdAt: Timestamp?
  /// When it was last changed; nil until it is stored.
  public var updatedAt: Timestamp?

  /// Describes a task that is to be done.
  public init(
    _ direction: String, type: Kind, model: String, command: String, id: String? = nil,
    context: JSON? = nil, tier: String? = nil
  ) {
    self.id = id
    self.direction = direction
    taskType = type
    status = .pending
    self.model = model
    self.command = command
    self.context = context
    self.tier = tier
  }

  /// The table.
  public static let table = "agent_tasks"
  /// The columns.
  public static let columns = Columns()

  /// The columns of `agent_tasks`.
  public struct Columns: Sendable {
    /// The key.
    public let id = Column<String>("id")
    /// What is to be done.
    public let direction = Column<String>("direction")
    /// The kind of work.
    public let taskType = Column<Kind>("task_type")
    /// Where it stands.
    public let status = Column<Status>("status")
    /// The model that works on it.
    public let model = Column<String>("model")
    /// The command that is run for it.
    public let command = Column<String>("command")
    /// What came of it.
    public let output = Column<String?>("output")
    /// What the agent should know.
    public let context = Column<JSON>("context")
    /// How far it is.
    public let progressPct = Column<Int?>("progress_pct")
    /// What it is at.
    public let currentStep = Column<String?>("current_step")
    /// What is to be decided.
    public let decisionPrompt = Column<String?>("decision_prompt")
    /// What was decided.
    public let decision = Column<String?>("decision")
    /// The tier of the model.
    public let tier = Column<String?>("tier")
    /// When it was last claimed or started.
    public let startedAt = Column<Timestamp?>("started_at")
    /// When it was created.
    public let createdAt = Column<Timestamp>("created_at")
    /// When it was last changed.
    public let updatedAt = Column<Timestamp>("updated_at")
  }
}

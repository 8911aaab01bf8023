import Roost
import RoostCore
import RoostSystems

extension Command {
  static let search = Command(
    name: "search", usage: "TEXT [--limit N] [--from FILE...]",
    summary: "find projects by a part of their name or description", operands: 1...1,
    options: [
      .init(name: "--limit", value: "N", summary: "the most projects shown; 50, 0 for all"), .from,
    ]
  ) { arguments in
    let limit = try arguments.number("--limit") ?? 50
    return try await arguments.withStore(isReading: true) { store in
      let found = try await ProjectStore(store).search(
        arguments.operands[0], limit: limit == 0 ? nil : limit)
      if arguments.wantsJSON {
        Terminal.print(ProjectFormat.json(found) { $1.write(project: $0) })
      } else {
        for project in found { Terminal.print(ProjectFormat.line(project)) }
      }
      return .success
    }
  }

  static let show = Command(
    name: "show", usage: "NAME [--ecosystem NAME] [--from FILE...]", summary: "show one project",
    operands: 1...1, options: [.ecosystem, .from]
  ) { arguments in
    try await arguments.withProject { store, project in
      if arguments.wantsJSON {
        var json = JSONWriter()
        json.write(project: project, withTimes: true)
        Terminal.print(json.text)
      } else {
        Terminal.print(ProjectFormat.page(project))
      }
    }
  }

  static let dependencies = graph(
    "dependencies", "show what a project needs", .dependencies)
  static let dependents = graph("dependents", "show what needs a project", .dependents)

  private static func graph(
    _ name: String, _ summary: String, _ direction: DependencyDirection
  ) -> Command {
    Command(
      name: name, usage: "NAME [--transitive] [--ecosystem NAME] [--from FILE...]",
      summary: summary, operands: 1...1,
      options: [
        .init(
          name: "--transitive", value: nil,
          summary: "go on beyond the neighbours, with the shortest distance"), .ecosystem, .from,
      ]
    ) { arguments in
      try await arguments.withProject { store, project in
        let found = try await ProjectStore(store).reachable(
          from: project, direction, isTransitive: arguments.has("--transitive"))
        if arguments.wantsJSON {
          Terminal.print(
            ProjectFormat.json(found) { entry, json in
              json.beginObject()
              json.key("depth")
              json.integer(Int64(entry.depth))
              json.key("ecosystem")
              json.string(entry.project.ecosystem)
              json.key("name")
              json.string(entry.project.name)
              json.endObject()
            })
        } else {
          for entry in found { Terminal.print("\(entry.depth)  \(entry.project.name)") }
        }
      }
    }
  }

  static let stats = Command(
    name: "stats", usage: "[--from FILE...]", summary: "count projects and edges",
    operands: 0...0, options: [.from]
  ) { arguments in
    try await arguments.withStore(isReading: true) { store in
      let counts = try await ProjectStore(store).counts()
      if arguments.wantsJSON {
        Terminal.print(ProjectFormat.json(counts))
      } else {
        for entry in counts.ecosystems {
          Terminal.print(
            "\(entry.ecosystem)  \(entry.projects) projects, \(entry.dependencies) dependencies, "
              + "at most \(entry.mostDependencies) of one project")
        }
        Terminal.print("\(counts.projects) projects, \(counts.dependencies) edges")
      }
      return .success
    }
  }
}

extension Arguments {
  /// Opens the store, finds the project that the command names and runs the body.
  fileprivate func withProject(
    _ body: (Store, Project) async throws -> Void
  ) async throws -> ExitCode {
    let name = operands[0]
    let ecosystem = value("--ecosystem") ?? "debian"
    return try await withStore(isReading: true) { store in
      guard let project = try await ProjectStore(store).find(ecosystem: ecosystem, name: name)
      else {
        Terminal.complain("there is no project \"\(name)\" in \(ecosystem)")
        return .notFound
      }
      try await body(store, project)
      return .success
    }
  }
}

/// Projects as text and as JSON. Keys, which differ between backends, are never shown.
enum ProjectFormat {
  static func line(_ project: Project) -> String {
    let summary = project.description?.split(separator: "\n").first ?? ""
    return summary.isEmpty ? project.name : "\(project.name) - \(summary)"
  }

  static func page(_ project: Project) -> String {
    let lines: [(String, String?)] = [
      ("name", project.name), ("ecosystem", project.ecosystem),
      ("description", project.description), ("homepage", project.homepageURL),
      ("repository", project.repositoryURL), ("dependencies", "\(project.dependencyCount)"),
      ("created", project.createdAt?.description), ("updated", project.updatedAt?.description),
    ]
    return lines.compactMap { name, value in
      value.map { name + String(repeating: " ", count: 14 - name.count) + $0 }
    }.joined(separator: "\n")
  }

  /// A JSON array with an element a line.
  static func json<Element>(
    _ elements: [Element], _ write: (Element, inout JSONWriter) -> Void
  ) -> String {
    let lines = elements.map { element in
      var json = JSONWriter()
      write(element, &json)
      return json.text
    }
    return lines.isEmpty ? "[]" : "[\n" + lines.joined(separator: ",\n") + "\n]"
  }

  static func json(_ counts: ProjectCounts) -> String {
    var json = JSONWriter()
    json.beginObject()
    json.key("projects")
    json.integer(Int64(counts.projects))
    json.key("dependencies")
    json.integer(Int64(counts.dependencies))
    json.key("ecosystems")
    json.beginArray()
    for entry in counts.ecosystems {
      json.beginObject()
      json.key("ecosystem")
      json.string(entry.ecosystem)
      json.key("projects")
      json.integer(Int64(entry.projects))
      json.key("dependencies")
      json.integer(Int64(entry.dependencies))
      json.key("mostDependencies")
      json.integer(Int64(entry.mostDependencies))
      json.endObject()
    }
    json.endArray()
    json.endObject()
    return json.text
  }
}

extension JSONWriter {
  /// Writes a project; what is unknown is null.
  mutating func write(project: Project, withTimes: Bool = false) {
    beginObject()
    var texts: [(String, String?)] = [
      ("ecosystem", project.ecosystem), ("name", project.name),
      ("description", project.description), ("homepageURL", project.homepageURL),
      ("repositoryURL", project.repositoryURL),
    ]
    if withTimes {
      texts.append(("createdAt", project.createdAt?.description))
      texts.append(("updatedAt", project.updatedAt?.description))
    }
    for (name, text) in texts {
      key(name)
      if let text { string(text) } else { null() }
    }
    key("dependencyCount")
    integer(Int64(project.dependencyCount))
    endObject()
  }
}

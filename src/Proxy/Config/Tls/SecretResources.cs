using System.Collections.Immutable;
using Google.Protobuf;
using KubeProxyNet.Xds.Validation;
using SecretMessage = Envoy.Extensions.TransportSockets.Tls.V3.Secret;

namespace KubeProxyNet.Proxy.Config.Tls;

/// <summary>A listener or cluster whose TLS contexts use secrets.</summary>
internal interface ISecretUser
{
    /// <summary>Its TLS contexts.</summary>
    IReadOnlyList<TlsPlan> Plans { get; }

    /// <summary>What it is, for people: <c>listener "web"</c>.</summary>
    string Description { get; }

    /// <summary>Counts a context that was made again because a secret changed.</summary>
    string SecretStat { get; }
}

/// <summary>A secret that is used or stands in the bootstrap.</summary>
internal sealed class SecretEntry(SecretKey key)
{
    public SecretKey Key { get; } = key;

    /// <summary>The secret in force; null while it has not come.</summary>
    public TlsSecret? Secret { get; set; }

    /// <summary>As delivered; null while it has not come.</summary>
    public SecretMessage? Message { get; set; }

    public string Version { get; set; } = "";

    public DateTimeOffset Updated { get; set; }

    /// <summary>What came last, where it was refused; null where it is in force.</summary>
    public SecretRefusal? Refused { get; set; }

    /// <summary>What was refused last: a version, or files that the version in force names.</summary>
    public SecretRefusal? LastRefusal => Refused ?? Secret?.Refusal;
}

/// <summary>
/// The secrets that were accepted, by name and source. A bad one is refused and what it held before stays; so it does where a secret is removed.
/// Belongs to whoever holds the lock of <see cref="ConfigurationState"/>.
/// </summary>
internal sealed class SecretResources(SecretStats stats, TimeProvider time) : ISecrets
{
    private readonly Dictionary<SecretKey, SecretEntry> _entries = [];
    private readonly List<SecretChange> _changes = [];
    private IReadOnlyCollection<ISecretUser> _users = [];

    /// <summary>Every secret that is used or stands in the bootstrap.</summary>
    public IReadOnlyCollection<SecretEntry> Entries => _entries.Values;

    /// <summary>Listeners and clusters with TLS.</summary>
    public IReadOnlyCollection<ISecretUser> Users => _users;

    /// <summary>Names to ask of the control plane; the same array until they change.</summary>
    public ImmutableArray<string> Names { get; private set; } = [];

    /// <summary>Names to ask of each secret discovery service; the same object until they change.</summary>
    public ImmutableDictionary<SecretService, ImmutableArray<string>> Services { get; private set; } = ImmutableDictionary<SecretService, ImmutableArray<string>>.Empty;

    /// <summary>Why a secret discovery service cannot be used; null where it can.</summary>
    public Func<SecretService, ConfigProblem?> ServiceFault { get; set; } = static _ => null;

    /// <summary>The files of secrets that are used.</summary>
    public IEnumerable<SecretSource> Files => _entries.Keys.Select(static key => key.Source).Where(static source => source.Kind == SecretSourceKind.File).Distinct();

    /// <summary>Every folder whose changes are to be told to <see cref="Reread"/>.</summary>
    public IEnumerable<string> Folders => AllSecrets().SelectMany(static secret => secret.Folders).Distinct(StringComparer.Ordinal);

    public TlsSecret? Find(SecretReference reference) =>
        _entries.GetValueOrDefault(reference.Key)?.Secret is { } secret && secret.Value.Kind == reference.Kind ? secret : null;

    /// <summary>Finds what is wrong with the secrets that contexts ask for, as far as they are there.</summary>
    public void Check(IEnumerable<TlsPlan> plans, TranslationProblems problems)
    {
        foreach (var plan in plans)
        {
            foreach (var reference in plan.Parts.Select(static part => part.Reference).OfType<SecretReference>())
            {
                if (reference.Key.Source == SecretSource.Bootstrap && Find(reference) is null)
                {
                    problems.Add(
                        plan.Place, $"there is no static secret \"{reference.Key.Name}\" that is a {NameOf(reference.Kind)}",
                        "add it to static_resources.secrets, or say with sds_config where it comes from");
                }
            }

            foreach (var service in plan.Parts.Select(static part => part.Reference?.Key.Source.Service).OfType<SecretService>().Distinct())
            {
                if (ServiceFault(service) is { } fault)
                {
                    problems.Add(plan.Place, $"api_config_source of its secrets: {fault.Message}", fault.Remedy);
                }
            }

            plan.Check(this, problems);
        }
    }

    /// <summary>Sets who uses secrets. What nobody uses any more is forgotten, less what stands in the bootstrap.</summary>
    public void SetUsers(IReadOnlyCollection<ISecretUser> users)
    {
        _users = users;
        var wanted = users.SelectMany(static user => user.Plans).SelectMany(static plan => plan.Parts).Select(static part => part.Reference).OfType<SecretReference>()
            .Select(static reference => reference.Key).ToHashSet();
        foreach (var key in _entries.Keys.Where(key => key.Source != SecretSource.Bootstrap && !wanted.Contains(key)).ToArray())
        {
            _entries.Remove(key);
        }

        foreach (var key in wanted)
        {
            _entries.TryAdd(key, new SecretEntry(key));
        }

        var names = NamesOf(wanted.Where(static key => key.Source == SecretSource.Ads));
        Names = names.AsSpan().SequenceEqual(Names.AsSpan()) ? Names : names;
        var services = wanted.Where(static key => key.Source.Service is not null).GroupBy(static key => key.Source.Service!).ToImmutableDictionary(static asked => asked.Key, NamesOf);
        var isSame = services.Count == Services.Count && services.All(asked => Services.TryGetValue(asked.Key, out var before) && before.AsSpan().SequenceEqual(asked.Value.AsSpan()));
        Services = isSame ? Services : services;
    }

    private static ImmutableArray<string> NamesOf(IEnumerable<SecretKey> keys) => [.. keys.Select(static key => key.Name).Order(StringComparer.Ordinal)];

    /// <summary>Takes secrets; those that nobody asked this source for are passed over.</summary>
    /// <returns>Who uses what changed.</returns>
    public IReadOnlyList<ISecretUser> Set(IReadOnlyList<SecretMessage> messages, string version, SecretSource source, ResourceOrigin origin, ApplyOutcome outcome)
    {
        var affected = new List<ISecretUser>();
        _changes.Clear();
        foreach (var message in messages)
        {
            var key = new SecretKey(message.Name, source);
            if (!_entries.TryGetValue(key, out var entry))
            {
                if (source != SecretSource.Bootstrap)
                {
                    continue;
                }

                _entries[key] = entry = new SecretEntry(key);
            }

            if (entry.Message?.Equals(message) == true)
            {
                (entry.Version, entry.Refused) = (version, null);
                stats.CountUpdate(message.Name, version);
                continue;
            }

            var problems = new TranslationProblems();
            var users = UsersOf(key);
            var before = (entry.Secret, entry.Message, entry.Version, entry.Updated);
            if (outcome.Accepts(message.Name, Take(entry, message, users, problems), problems, origin))
            {
                (entry.Message, entry.Version, entry.Updated, entry.Refused) = (message, version, time.GetUtcNow(), null);
                stats.CountUpdate(message.Name, version);
                affected.AddRange(users);
                _changes.Add(new SecretChange(message.Name, message.Name, users, why =>
                {
                    (entry.Secret, entry.Message, entry.Version, entry.Updated) = before;
                    entry.Refused = Refusal(message.Name, why, version);
                }));
            }
            else
            {
                entry.Refused = Refusal(message.Name, outcome.Rejections[^1].Reason, version);
                stats.CountRejection(message.Name);
            }
        }

        return [.. affected.Distinct()];
    }

    /// <summary>Reads again the files in a folder that secrets name. What is bad is refused, and what it held before stays.</summary>
    /// <returns>Who uses what changed.</returns>
    public IReadOnlyList<ISecretUser> Reread(string folder, ApplyOutcome outcome)
    {
        var affected = new List<ISecretUser>();
        _changes.Clear();
        foreach (var secret in AllSecrets().Where(secret => secret.Folders.Contains(folder, StringComparer.Ordinal)).ToArray())
        {
            var problems = new TranslationProblems();
            var users = UsersOf(secret);
            var previous = secret.Reread(time.GetUtcNow(), problems);
            if (previous is not null)
            {
                Check(users.SelectMany(static user => user.Plans), problems);
            }

            if (problems.Found.Count > 0)
            {
                secret.Restore(previous ?? secret.Value);
                var rejection = problems.Reject(secret.Source);
                outcome.Rejections.Add(rejection);
                secret.Refusal = Refusal(NameOf(secret) ?? secret.Source, rejection.Reason, "");
                stats.CountFailedRotation(NameOf(secret));
                continue;
            }

            secret.Refusal = null;
            if (previous is not null)
            {
                affected.AddRange(users);
                _changes.Add(new SecretChange(secret.Source, NameOf(secret), users, why =>
                {
                    secret.Restore(previous);
                    secret.Refusal = Refusal(NameOf(secret) ?? secret.Source, why, "");
                }));
            }
        }

        return [.. affected.Distinct()];
    }

    /// <summary>Notes that a version of a secret was refused before it got here; nothing where nobody asks for it.</summary>
    public void Refuse(SecretKey key, string reason, string version)
    {
        if (_entries.TryGetValue(key, out var entry))
        {
            entry.Refused = Refusal(key.Name, reason, version);
            stats.CountRejection(key.Name);
        }
    }

    /// <summary>The certificates of the contexts, and what of their secrets was refused.</summary>
    public IEnumerable<ContextCertificates> Certificates() => _users.SelectMany(user => user.Plans.Select(plan => plan.Facts(this, user.Description) with
    {
        Refused = [.. plan.Parts.Select(part => part.Inline is { } inline ? inline.Refusal : _entries.GetValueOrDefault(part.Reference!.Key)?.LastRefusal).OfType<SecretRefusal>()],
    }));

    /// <summary>
    /// Of what the last call took, the secrets return to what they were that somebody turned out not to be able to use: what is shown is then what is in force.
    /// They are refused by name.
    /// </summary>
    /// <param name="failed">The reason for each user that cannot use what it was given.</param>
    /// <param name="outcome">Takes the refusals.</param>
    /// <returns>Who uses a secret that returned.</returns>
    public IReadOnlyList<ISecretUser> TakeBack(IReadOnlyDictionary<ISecretUser, string> failed, ApplyOutcome outcome)
    {
        var affected = new List<ISecretUser>();
        foreach (var change in _changes)
        {
            if (change.Users.FirstOrDefault(failed.ContainsKey) is { } user)
            {
                var why = $"{user.Description} cannot use it: {failed[user]}";
                change.Undo(why);
                outcome.Rejections.Add(new ResourceRejection(change.Source, why));
                stats.CountRefusal(change.Name);
                affected.AddRange(change.Users);
            }
        }

        _changes.Clear();
        return [.. affected.Distinct()];
    }

    private TlsSecret? Take(SecretEntry entry, SecretMessage message, IReadOnlyList<ISecretUser> users, TranslationProblems problems)
    {
        var followsFiles = entry.Key.Source != SecretSource.Bootstrap;
        (IMessage? Content, string Field, SecretKind Kind) part = message.TypeCase switch
        {
            SecretMessage.TypeOneofCase.TlsCertificate => (message.TlsCertificate, "tls_certificate", SecretKind.Certificate),
            SecretMessage.TypeOneofCase.ValidationContext => (message.ValidationContext, "validation_context", SecretKind.Validation),
            SecretMessage.TypeOneofCase.SessionTicketKeys => (message.SessionTicketKeys, "session_ticket_keys", SecretKind.TicketKeys),
            _ => (null, "", default),
        };
        if (part.Content is null)
        {
            problems.Add(ConfigPath.Root, "is neither a certificate, nor a validation context, nor session ticket keys", "add tls_certificate, validation_context or session_ticket_keys");
            return null;
        }

        var wanted = users.SelectMany(static user => user.Plans).SelectMany(static plan => plan.Parts).Select(static asked => asked.Reference)
            .OfType<SecretReference>().Where(reference => reference.Key == entry.Key).Select(static reference => reference.Kind);
        foreach (var kind in wanted.Where(kind => kind != part.Kind).Distinct())
        {
            problems.Add(ConfigPath.Root.Field(part.Field), $"the secret is used as a {NameOf(kind)}", "give each kind of secret a name of its own");
        }

        var previous = entry.Secret;
        if (TlsSecret.Read(part.Content, $"secret \"{message.Name}\"", followsFiles, time.GetUtcNow(), problems, ConfigPath.Root.Field(part.Field)) is not { } secret)
        {
            return null;
        }

        // What is right by itself may not fit what it is used with.
        entry.Secret = secret;
        Check(users.SelectMany(static user => user.Plans), problems);
        if (problems.Found.Count > 0)
        {
            entry.Secret = previous;
            return null;
        }

        return secret;
    }

    private IReadOnlyList<ISecretUser> UsersOf(SecretKey key) => [.. _users.Where(user => user.Plans.Any(plan => plan.Parts.Any(part => part.Reference?.Key == key)))];

    private IReadOnlyList<ISecretUser> UsersOf(TlsSecret secret) =>
        [.. _users.Where(user => user.Plans.Any(plan => plan.Parts.Any(part => (part.Inline ?? Find(part.Reference!)) == secret)))];

    private SecretRefusal Refusal(string secret, string reason, string version) => new(secret, reason, version, time.GetUtcNow());

    private string? NameOf(TlsSecret secret) => _entries.Values.FirstOrDefault(entry => entry.Secret == secret)?.Key.Name;

    private IEnumerable<TlsSecret> AllSecrets() => _entries.Values.Select(static entry => entry.Secret)
        .Concat(_users.SelectMany(static user => user.Plans).SelectMany(static plan => plan.Parts).Select(static part => part.Inline))
        .OfType<TlsSecret>();

    private static string NameOf(SecretKind kind) => kind switch
    {
        SecretKind.Certificate => "tls_certificate",
        SecretKind.Validation => "validation_context",
        _ => "session_ticket_keys",
    };

    /// <summary>A secret that was taken, and the way back.</summary>
    /// <param name="Source">What it is refused by.</param>
    /// <param name="Name">Its name; null for one that stands in a listener or cluster.</param>
    /// <param name="Users">Who uses it.</param>
    /// <param name="Undo">Returns to what it was, for the reason that it is given.</param>
    private sealed record SecretChange(string Source, string? Name, IReadOnlyList<ISecretUser> Users, Action<string> Undo);
}

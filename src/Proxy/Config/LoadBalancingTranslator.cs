using Envoy.Config.Core.V3;
using Envoy.Extensions.LoadBalancingPolicies.Common.V3;
using Envoy.Extensions.LoadBalancingPolicies.WrrLocality.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Proxy.Upstream.LoadBalancing;
using KubeProxyNet.Xds.Validation;
using ClusterMessage = Envoy.Config.Cluster.V3.Cluster;
using LeastRequestMessage = Envoy.Extensions.LoadBalancingPolicies.LeastRequest.V3.LeastRequest;
using MaglevMessage = Envoy.Extensions.LoadBalancingPolicies.Maglev.V3.Maglev;
using PeakEwmaMessage = Kpn.LoadBalancingPolicies.PeakEwma.V3.PeakEwma;
using PolicyList = Envoy.Config.Cluster.V3.LoadBalancingPolicy;
using RandomMessage = Envoy.Extensions.LoadBalancingPolicies.Random.V3.Random;
using RingHashMessage = Envoy.Extensions.LoadBalancingPolicies.RingHash.V3.RingHash;
using RoundRobinMessage = Envoy.Extensions.LoadBalancingPolicies.RoundRobin.V3.RoundRobin;
using SubsetMessage = Envoy.Extensions.LoadBalancingPolicies.Subset.V3.Subset;

namespace KubeProxyNet.Proxy.Config;

/// <summary>
/// Turns what a cluster says of load balancing into what the engine runs: <c>lb_policy</c> with its options, or <c>load_balancing_policy</c>, which
/// goes before it.
/// </summary>
internal sealed class LoadBalancingTranslator(TranslationProblems problems)
{
    private const string Supported = "round_robin, least_request, random, ring_hash, maglev, wrr_locality, subset or kpn.load_balancing_policies.peak_ewma";

    private const uint MaxChoices = 100;

    private LoadBalancingPolicy _policy;
    private uint _choices = 2;
    private LoadBalancerOptions _options = LoadBalancerOptions.Default;

    /// <summary>The configuration with what the cluster says of load balancing.</summary>
    public static ClusterConfig Translate(ClusterConfig config, ClusterMessage message, TranslationProblems problems)
    {
        var translator = new LoadBalancingTranslator(problems);
        translator.TakeCommon(message.CommonLbConfig);
        if (message.LoadBalancingPolicy is { } policies)
        {
            if (message.LbSubsetConfig is not null)
            {
                problems.Add(ConfigPath.Root.Field("lb_subset_config"), "does not go with load_balancing_policy", "use the policy envoy.load_balancing_policies.subset");
            }

            translator.TakeFirstKnown(policies, ConfigPath.Root.Field("load_balancing_policy"));
        }
        else
        {
            translator.TakeLegacy(message);
            if (message.LbSubsetConfig is { } subsets)
            {
                translator._options = translator._options with { Subsets = SubsetTranslator.Translate(subsets, problems, ConfigPath.Root.Field("lb_subset_config")) };
            }
        }

        return config with { LoadBalancing = translator._policy, ChoiceCount = (int)Math.Max(translator._choices, 2), Balancing = translator._options };
    }

    private void TakeCommon(ClusterMessage.Types.CommonLbConfig? common)
    {
        if (common?.HealthyPanicThreshold is { } threshold)
        {
            // Envoy takes the nearest whole number.
            _options = _options with { HealthyPanicThreshold = (int)Math.Round(Math.Clamp(threshold.Value, 0, 100), MidpointRounding.AwayFromZero) };
        }
    }

    private void TakeLegacy(ClusterMessage message)
    {
        var common = message.CommonLbConfig;
        _options = _options with { IsLocalityWeighted = common?.LocalityWeightedLbConfig is not null, ZoneAware = ZoneAwareTranslator.Translate(common?.ZoneAwareLbConfig) };
        if (common?.ConsistentHashingLbConfig is { } hashing)
        {
            TakeHashing(hashing.UseHostnameForHashing, hashing.HashBalanceFactor);
        }

        switch (message.LbPolicy)
        {
            case ClusterMessage.Types.LbPolicy.RoundRobin:
                _policy = LoadBalancingPolicy.RoundRobin;
                break;
            case ClusterMessage.Types.LbPolicy.LeastRequest:
                _policy = LoadBalancingPolicy.LeastRequest;
                break;
            case ClusterMessage.Types.LbPolicy.Random:
                _policy = LoadBalancingPolicy.Random;
                break;
            case ClusterMessage.Types.LbPolicy.RingHash:
                _policy = LoadBalancingPolicy.RingHash;
                break;
            case ClusterMessage.Types.LbPolicy.Maglev:
                _policy = LoadBalancingPolicy.Maglev;
                break;
            default:
                problems.Add(ConfigPath.Root.Field("lb_policy"), $"{message.LbPolicy} is not supported", "use ROUND_ROBIN, LEAST_REQUEST, RANDOM, RING_HASH or MAGLEV");
                break;
        }

        // What belongs to another policy is without effect, but not without its checks.
        if (message.LeastRequestLbConfig is { } least)
        {
            var path = ConfigPath.Root.Field("least_request_lb_config");
            TakeLeastRequest(least.ChoiceCount, least.ActiveRequestBias, path);
            TakeSlowStart(SlowStartOf(least.SlowStartConfig), path);
        }
        else if (message.RoundRobinLbConfig is { } roundRobin)
        {
            TakeSlowStart(SlowStartOf(roundRobin.SlowStartConfig), ConfigPath.Root.Field("round_robin_lb_config"));
        }
        else if (message.RingHashLbConfig is { } ring)
        {
            TakeRing(ring.MinimumRingSize, ring.MaximumRingSize, ConfigPath.Root.Field("ring_hash_lb_config"));
            _options = _options with { RingHashFunction = FunctionOf(ring.HashFunction == ClusterMessage.Types.RingHashLbConfig.Types.HashFunction.MurmurHash2) };
        }
        else if (message.MaglevLbConfig is { } maglev)
        {
            TakeMaglev(maglev.TableSize, ConfigPath.Root.Field("maglev_lb_config"));
        }
    }

    /// <summary>Takes the first policy that is known here, as Envoy does; the others may be for other proxies.</summary>
    private void TakeFirstKnown(PolicyList list, ConfigPath path)
    {
        for (var i = 0; i < list.Policies.Count; i++)
        {
            var any = list.Policies[i].TypedExtensionConfig?.TypedConfig;
            if (any is not null && TryTake(any, path.Field("policies").Index(i).Field("typed_extension_config").Field("typed_config")))
            {
                return;
            }
        }

        var names = string.Join(", ", list.Policies.Select(static policy => policy.TypedExtensionConfig?.Name));
        problems.Add(path, names.Length == 0 ? "names no policy" : $"none of its policies is supported: {names}", $"add one of {Supported}");
    }

    private bool TryTake(Any any, ConfigPath path)
    {
        if (Unpack<RoundRobinMessage>(any) is { } roundRobin)
        {
            _policy = LoadBalancingPolicy.RoundRobin;
            TakeLocality(roundRobin.LocalityLbConfig);
            TakeSlowStart(roundRobin.SlowStartConfig, path);
        }
        else if (Unpack<LeastRequestMessage>(any) is { } least)
        {
            _policy = LoadBalancingPolicy.LeastRequest;
            TakeLocality(least.LocalityLbConfig);
            TakeSlowStart(least.SlowStartConfig, path);
            TakeLeastRequest(least.ChoiceCount, least.ActiveRequestBias, path);
        }
        else if (Unpack<RandomMessage>(any) is { } random)
        {
            _policy = LoadBalancingPolicy.Random;
            TakeLocality(random.LocalityLbConfig);
        }
        else if (Unpack<RingHashMessage>(any) is { } ring)
        {
            _policy = LoadBalancingPolicy.RingHash;
            _options = _options with
            {
                IsLocalityWeighted = ring.LocalityWeightedLbConfig is not null,
                RingHashFunction = FunctionOf(ring.HashFunction == RingHashMessage.Types.HashFunction.MurmurHash2),
            };
            TakeRing(ring.MinimumRingSize, ring.MaximumRingSize, path);
            TakeHashing(ring.ConsistentHashingLbConfig?.UseHostnameForHashing ?? ring.UseHostnameForHashing, ring.ConsistentHashingLbConfig is { } hashing ? hashing.HashBalanceFactor : ring.HashBalanceFactor);
        }
        else if (Unpack<MaglevMessage>(any) is { } maglev)
        {
            _policy = LoadBalancingPolicy.Maglev;
            _options = _options with { IsLocalityWeighted = maglev.LocalityWeightedLbConfig is not null };
            TakeMaglev(maglev.TableSize, path);
            TakeHashing(maglev.ConsistentHashingLbConfig?.UseHostnameForHashing ?? false, maglev.ConsistentHashingLbConfig?.HashBalanceFactor);
        }
        else if (Unpack<WrrLocality>(any) is { } localities)
        {
            // Localities by weight, inside each of them the policy that it holds.
            TakeFirstKnown(localities.EndpointPickingPolicy ?? new PolicyList(), path.Field("endpoint_picking_policy"));
            _options = _options with { IsLocalityWeighted = true };
        }
        else if (Unpack<PeakEwmaMessage>(any) is { } ewma)
        {
            _policy = LoadBalancingPolicy.PeakEwma;
            TakeLeastRequest(ewma.ChoiceCount, bias: null, path);
            TakeDecay(ewma.DecayTime?.ToTimeSpan(), path.Field("decay_time"));
        }
        else if (Unpack<SubsetMessage>(any) is { } subset)
        {
            TakeSubsets(subset, path);
        }
        else
        {
            return false;
        }

        return true;
    }

    private void TakeSubsets(SubsetMessage message, ConfigPath path)
    {
        var inner = path.Field("subset_lb_policy");
        TakeFirstKnown(message.SubsetLbPolicy ?? new PolicyList(), inner);
        if (_options.Subsets is not null)
        {
            problems.Add(inner, "subsets cannot be divided into subsets again", "write one subset policy, whose selectors have all keys");
        }

        _options = _options with { Subsets = SubsetTranslator.Translate(message, problems, path) };
    }

    private void TakeDecay(TimeSpan? decay, ConfigPath path)
    {
        if (decay <= TimeSpan.Zero)
        {
            problems.Add(path, "must be above zero", "write 10s");
        }
        else
        {
            _options = _options with { DecayTime = decay ?? LoadBalancerOptions.Default.DecayTime };
        }
    }

    private void TakeLocality(LocalityLbConfig? config) =>
        _options = _options with { IsLocalityWeighted = config?.LocalityWeightedLbConfig is not null, ZoneAware = ZoneAwareTranslator.Translate(config?.ZoneAwareLbConfig) };

    private void TakeHashing(bool useHostname, uint? balanceFactor) =>
        _options = _options with { UseHostnameForHashing = useHostname, HashBalanceFactor = (int)Math.Min(balanceFactor ?? 0u, int.MaxValue) };

    private void TakeLeastRequest(uint? choices, RuntimeDouble? bias, ConfigPath path)
    {
        _choices = choices ?? 2;
        if (_choices > MaxChoices)
        {
            // Each of them costs a look at an endpoint, for every request.
            problems.Add(path.Field("choice_count"), $"{_choices} is more than {MaxChoices}", $"write a number from 2 to {MaxChoices}");
            _choices = MaxChoices;
        }

        if (bias is null)
        {
            return;
        }

        if (!double.IsFinite(bias.DefaultValue) || bias.DefaultValue < 0)
        {
            problems.Add(path.Field("active_request_bias").Field("default_value"), "is no number of 0 or more", "write 1.0, or 0.0 to leave requests under way out of account");
        }
        else
        {
            _options = _options with { ActiveRequestBias = bias.DefaultValue };
        }
    }

    private void TakeSlowStart(SlowStartConfig? config, ConfigPath path)
    {
        if (config?.SlowStartWindow is not { } window || window.ToTimeSpan() <= TimeSpan.Zero)
        {
            return;
        }

        var aggression = config.Aggression?.DefaultValue ?? 1.0;
        if (!double.IsFinite(aggression) || aggression <= 0)
        {
            problems.Add(path.Field("slow_start_config").Field("aggression").Field("default_value"), "is no number above 0", "write 1.0 for a straight line");
            return;
        }

        _options = _options with { SlowStart = new SlowStart(window.ToTimeSpan(), aggression, Math.Clamp(config.MinWeightPercent?.Value ?? 10.0, 0, 100)) };
    }

    /// <summary>The same message by its other name.</summary>
    private static SlowStartConfig? SlowStartOf(ClusterMessage.Types.SlowStartConfig? config) => config is null
        ? null
        : new SlowStartConfig { SlowStartWindow = config.SlowStartWindow, Aggression = config.Aggression, MinWeightPercent = config.MinWeightPercent };

    private void TakeRing(ulong? minimum, ulong? maximum, ConfigPath path)
    {
        var min = Bounded(minimum ?? (ulong)LoadBalancerOptions.Default.MinimumRingSize);
        var max = Bounded(maximum ?? (ulong)LoadBalancerOptions.Default.MaximumRingSize);
        if (min > max && maximum is not null && minimum is null)
        {
            // Where both are set, the check of the schema has said so already.
            problems.Add(path.Field("maximum_ring_size"), $"{max} is less than minimum_ring_size, which is {min}", "make it greater, or set minimum_ring_size as well");
        }

        _options = _options with { MinimumRingSize = Math.Min(min, max), MaximumRingSize = max };
    }

    private void TakeMaglev(ulong? tableSize, ConfigPath path)
    {
        var size = Bounded(tableSize ?? (ulong)LoadBalancerOptions.Default.MaglevTableSize);
        if (!IsPrime(size))
        {
            problems.Add(path.Field("table_size"), $"{size} is no prime number", "write a prime, such as 65537");
            return;
        }

        _options = _options with { MaglevTableSize = size };
    }

    private static int Bounded(ulong size) => (int)Math.Clamp(size, 1, (ulong)LoadBalancerOptions.Default.MaximumRingSize);

    private static bool IsPrime(int number)
    {
        for (var divisor = 2; (long)divisor * divisor <= number; divisor++)
        {
            if (number % divisor == 0)
            {
                return false;
            }
        }

        return number > 1;
    }

    private static HashFunction FunctionOf(bool isMurmur) => isMurmur ? HashFunction.MurmurHash2 : HashFunction.XxHash;

    private static T? Unpack<T>(Any any)
        where T : class, IMessage<T>, new() => any.TryUnpack(out T message) ? message : null;
}
